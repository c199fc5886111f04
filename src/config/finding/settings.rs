//! `K06`: the settings file.

use super::{Findings, Reported};
use crate::config::text::{Place, quote};
use crate::model::InvalidName;

impl Findings {
    pub(in crate::config) fn settings_of_several_documents(&mut self, place: Place) -> Reported {
        let message = "the settings are one document, and a second one begins here";
        self.error("K0601", place, message, "remove the `---` and what is behind it".to_owned())
    }

    pub(in crate::config) fn bad_bootstrap_server(
        &mut self,
        place: Place,
        server: &str,
    ) -> Reported {
        let message = match server {
            "" => "an address of a broker is empty".to_owned(),
            server => format!("{} is no address of a broker", quote(server)),
        };
        let hint = "write host:port, several with commas between them".to_owned();
        self.error("K0602", place, message, hint)
    }

    pub(in crate::config) fn half_an_identity(
        &mut self,
        place: Place,
        given: &str,
        missing: &str,
    ) -> Reported {
        let message = format!("`{given}` without `{missing}`: mutual TLS needs both");
        self.error("K0603", place, message, format!("add `{missing}`, or remove `{given}`"))
    }

    pub(in crate::config) fn empty_text(&mut self, place: Place, what: &str) -> Reported {
        self.error("K0604", place, format!("`{what}` is empty"), None)
    }

    pub(in crate::config) fn bad_secret_name(
        &mut self,
        place: Place,
        what: &str,
        name: &str,
    ) -> Reported {
        let message = format!("{} is no name of {what}", quote(name));
        self.error("K0605", place, message, None)
    }

    pub(in crate::config) fn bad_listen_address(&mut self, place: Place, text: &str) -> Reported {
        let message = format!("{} is no address with a port", quote(text));
        let hint = "write 127.0.0.1:9464 or '[::1]:9464'".to_owned();
        self.error("K0607", place, message, hint)
    }

    pub(in crate::config) fn listens_beyond_this_host(
        &mut self,
        place: Place,
        text: &str,
    ) -> Reported {
        let message = format!("{} can be reached from other hosts", quote(text));
        let hint = "listen on 127.0.0.1 or ::1; what may be seen from outside, a proxy in front of it decides"
            .to_owned();
        self.error("K0608", place, message, hint)
    }

    pub(in crate::config) fn bad_hostname(
        &mut self,
        place: Place,
        name: &str,
        why: &InvalidName,
    ) -> Reported {
        let message = format!("the hostname {} cannot name this daemon: it {why}", quote(name));
        self.error("K0606", place, message, "set `instance_id` in the settings".to_owned())
    }
}
