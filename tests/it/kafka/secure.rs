//! A broker that asks who comes: PLAIN and SCRAM, with TLS and without, mutual TLS, and rights by ACL.
//!
//! Whoever comes by the plain listener (`Broker::cluster`) may do all. Certificates are made by the JDK's keytool, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::kafka::broker::Broker;
use crate::kafka::{Cluster, install, judge};

/// The user of PLAIN; SCRAM's are made by `create_user`.
pub(crate) const USER: &str = "krouted";
pub(crate) const PASSWORD: &str = "open sesame";
/// Of the key stores, which no one but the broker opens.
const STORE_PASSWORD: &str = "changeit";

/// Files that a client of the TLS listeners needs, all PEM.
pub(crate) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Who signed the broker's certificate.
    pub(crate) fn ca(&self) -> String {
        self.file("ca.pem")
    }

    /// The client's certificate: CN=client.
    pub(crate) fn certificate(&self) -> String {
        self.file("client.pem")
    }

    pub(crate) fn key(&self) -> String {
        self.file("client.key")
    }

    /// Key and certificate in one file, as Java wants them.
    fn both(&self) -> String {
        self.file("client.both")
    }
}

fn keytool(folder: &Path, arguments: &str) {
    let mut keytool = Command::new("keytool");
    keytool.current_dir(folder).args(arguments.split_whitespace());
    keytool.args(["-storepass", STORE_PASSWORD, "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1"]);
    install::run(&mut keytool, "openjdk-17-jdk-headless");
}

/// Makes the certificates where they are not there yet.
fn certificates() -> Certificates {
    let folder = install::once("certificates", |fresh| {
        let make = "-genkeypair -keyalg RSA -validity 36500 -storetype PKCS12";
        keytool(fresh, &format!("{make} -alias ca -dname CN=test-ca -ext bc:c -keystore ca.p12"));
        keytool(fresh, "-exportcert -rfc -alias ca -keystore ca.p12 -file ca.pem");
        let trust = "-importcert -noprompt -alias ca -file ca.pem -storetype PKCS12 -keystore";
        keytool(fresh, &format!("{trust} trust.p12"));
        for name in ["broker", "client"] {
            let store = format!("-alias {name} -keystore {name}.p12");
            let cn = if name == "broker" { "localhost" } else { name };
            keytool(fresh, &format!("{make} {store} -dname CN={cn}"));
            keytool(fresh, &format!("-certreq {store} -file {name}.csr"));
            let signed = "-gencert -rfc -validity 36500 -alias ca -keystore ca.p12 -ext san=ip:127.0.0.1,dns:localhost";
            keytool(fresh, &format!("{signed} -infile {name}.csr -outfile {name}.pem"));
            keytool(fresh, &format!("{trust} {name}.p12"));
            keytool(fresh, &format!("-importcert -noprompt {store} -file {name}.pem"));
        }
        let request = json!({
            "op": "pem_key", "store": fresh.join("client.p12"), "password": STORE_PASSWORD, "alias": "client",
        });
        let key = judge::judge().ask(request).unwrap();
        let certificate = fs::read_to_string(fresh.join("client.pem")).unwrap();
        fs::write(fresh.join("client.key"), key.as_str().unwrap()).unwrap();
        fs::write(fresh.join("client.both"), format!("{}{certificate}", key.as_str().unwrap()))
            .unwrap();
    });
    Certificates { folder }
}

/// The broker and the addresses of its listeners.
pub(crate) struct Secure {
    pub(crate) broker: Broker,
    pub(crate) certificates: Certificates,
    /// `SASL_PLAINTEXT`.
    pub(crate) sasl: String,
    /// `SASL_SSL`.
    pub(crate) sasl_tls: String,
    /// `SSL`, and the client must show a certificate.
    pub(crate) mutual_tls: String,
}

impl Secure {
    pub(crate) fn start() -> Self {
        let certificates = certificates();
        let [sasl, sasl_tls, mutual_tls] =
            Broker::free_ports().map(|port| format!("127.0.0.1:{port}"));
        let told = format!(
            "PLAINTEXT://127.0.0.1:{{port}},SASL://{sasl},SASLTLS://{sasl_tls},TLS://{mutual_tls}"
        );
        let listeners = format!("{told},CONTROLLER://127.0.0.1:{{controller}}");
        let plain = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"
        );
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let (keys, trust) = (certificates.file("broker.p12"), certificates.file("trust.p12"));
        let mut properties = vec![
            ("listeners", listeners.as_str()),
            ("advertised.listeners", &told),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SASLTLS:SASL_SSL,TLS:SSL",
            ),
            ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
            ("ssl.keystore.location", &keys),
            ("ssl.keystore.password", STORE_PASSWORD),
            ("ssl.truststore.location", &trust),
            ("ssl.truststore.password", STORE_PASSWORD),
            ("listener.name.tls.ssl.client.auth", "required"),
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("super.users", "User:ANONYMOUS"),
        ];
        let mechanisms = ["plain", "scram-sha-256", "scram-sha-512"];
        let names: Vec<_> = ["sasl", "sasltls"]
            .iter()
            .flat_map(|listener| mechanisms.map(|mechanism| (listener, mechanism)))
            .map(|(listener, m)| (format!("listener.name.{listener}.{m}.sasl.jaas.config"), m))
            .collect();
        for (name, mechanism) in &names {
            properties.push((name, if *mechanism == "plain" { &plain } else { scram }));
        }
        let broker = Broker::start(&properties);
        Self { broker, certificates, sasl, sasl_tls, mutual_tls }
    }

    /// A user for SCRAM-SHA-256 or SCRAM-SHA-512.
    pub(crate) fn create_user(&self, mechanism: &str, user: &str, password: &str) {
        let request = json!({"mechanism": mechanism, "user": user, "password": password});
        self.broker.cluster().ask("create_user", request);
    }

    /// Lets a principal (`User:krouted`, `User:CN=client`) do something with what begins with a name.
    pub(crate) fn allow(&self, principal: &str, operation: &str, resource: &str, prefix: &str) {
        let request = json!({
            "principal": principal, "operation": operation, "resource": resource, "name": prefix, "prefix": true,
        });
        self.broker.cluster().ask("allow", request);
    }

    /// The cluster as a Java client with a user's name and password sees it, by `sasl` or `sasl_tls`.
    pub(crate) fn as_user(
        &self,
        address: &str,
        mechanism: &str,
        user: &str,
        password: &str,
    ) -> Cluster {
        let module =
            if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
        let jaas = format!(
            "org.apache.kafka.common.security.{module} required username=\"{user}\" password=\"{password}\";"
        );
        let tls = address == self.sasl_tls;
        let mut properties = if tls { self.trusting() } else { json!({}) };
        properties["security.protocol"] = json!(if tls { "SASL_SSL" } else { "SASL_PLAINTEXT" });
        properties["sasl.mechanism"] = json!(mechanism);
        properties["sasl.jaas.config"] = json!(jaas);
        Cluster::at(address).with(properties)
    }

    /// The cluster as a Java client with the client's certificate sees it.
    pub(crate) fn as_certified(&self) -> Cluster {
        let mut properties = self.trusting();
        properties["security.protocol"] = json!("SSL");
        properties["ssl.keystore.type"] = json!("PEM");
        properties["ssl.keystore.location"] = json!(self.certificates.both());
        Cluster::at(&self.mutual_tls).with(properties)
    }

    fn trusting(&self) -> Value {
        json!({"ssl.truststore.type": "PEM", "ssl.truststore.location": self.certificates.ca()})
    }
}

mod tests {
    use super::*;
    use crate::kafka::record::Record;

    #[test]
    fn a_broker_that_asks_who_comes_knows_its_users_and_their_rights() {
        let secure = Secure::start();
        secure.create_user("SCRAM-SHA-512", "sam", "guess me");
        let topic = secure.broker.cluster().topic("mine", 1);
        let user = format!("User:{USER}");
        for principal in [user.as_str(), "User:sam", "User:CN=client"] {
            secure.allow(principal, "WRITE", "TOPIC", "mine");
        }
        let records = [Record::new(None, Some("v"))];
        for known in [
            secure.as_user(&secure.sasl, "PLAIN", USER, PASSWORD),
            secure.as_user(&secure.sasl_tls, "PLAIN", USER, PASSWORD),
            secure.as_user(&secure.sasl_tls, "SCRAM-SHA-512", "sam", "guess me"),
            secure.as_certified(),
        ] {
            known.produce(&topic, &records);
        }
        let stranger = secure.as_user(&secure.sasl_tls, "SCRAM-SHA-512", "sam", "wrong");
        let refused = stranger.try_produce(&topic, &records, json!({})).unwrap_err();
        assert!(refused.contains("SaslAuthentication"), "{refused}");

        let other = secure.broker.cluster().topic("other", 1);
        let known = secure.as_user(&secure.sasl, "PLAIN", USER, PASSWORD);
        let refused = known.try_produce(&other, &records, json!({})).unwrap_err();
        assert!(refused.contains("TopicAuthorization"), "{refused}");
        for file in [secure.certificates.certificate(), secure.certificates.key()] {
            assert!(fs::read_to_string(file).unwrap().starts_with("-----BEGIN"));
        }
    }
}
