//! Records as they travel between the tests and the judge; the format is the one of `tests/kafka/RecordFile.java`.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A record as a topic holds it, or as it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Record {
    /// Which of the topics that were asked for.
    pub(crate) topic: u32,
    /// To be sent: below zero leaves the choice to Java's own partitioner.
    pub(crate) partition: i32,
    /// Of no meaning in a record to be sent.
    pub(crate) offset: i64,
    /// Milliseconds; to be sent: below zero is now.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// In order, with repeats.
    pub(crate) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Record {
    /// A record to be sent: no headers, timestamp and partition left to the producer.
    pub(crate) fn new(key: Option<&str>, value: Option<&str>) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Self {
            partition: -1,
            timestamp: -1,
            key: key.map(bytes),
            value: value.map(bytes),
            ..Self::default()
        }
    }

    pub(crate) fn to(self, partition: i32) -> Self {
        Self { partition, ..self }
    }

    pub(crate) fn at(self, timestamp: i64) -> Self {
        Self { timestamp, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        self.headers.push((name.as_bytes().to_vec(), value.map(<[u8]>::to_vec)));
        self
    }

    /// The last value of a header, as text.
    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(other, _)| other == name.as_bytes())?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// A file that is gone when no one needs it.
pub(crate) struct TempFile {
    pub(crate) path: PathBuf,
}

impl TempFile {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(folder).unwrap();
        Self { path: folder.join(super::unique("records")) }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // It may never have been made.
        fs::remove_file(&self.path).ok();
    }
}

/// Writes records one by one and gives their number.
pub(crate) fn write<'r>(path: &Path, records: impl IntoIterator<Item = &'r Record>) -> u64 {
    let mut writer = Writer::create(path);
    for record in records {
        writer.write(record);
    }
    writer.finish()
}

/// A file of records that is being written.
pub(crate) struct Writer {
    out: BufWriter<File>,
    count: u64,
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Self {
        Self { out: BufWriter::with_capacity(1 << 20, File::create(path).unwrap()), count: 0 }
    }

    pub(crate) fn write(&mut self, record: &Record) {
        self.count += 1;
        self.put(&record.topic.to_be_bytes());
        self.put(&record.partition.to_be_bytes());
        self.put(&record.offset.to_be_bytes());
        self.put(&record.timestamp.to_be_bytes());
        self.bytes(record.key.as_deref());
        self.bytes(record.value.as_deref());
        self.put(&length(record.headers.len()).to_be_bytes());
        for (name, value) in &record.headers {
            self.bytes(Some(name));
            self.bytes(value.as_deref());
        }
    }

    pub(crate) fn finish(mut self) -> u64 {
        self.out.flush().unwrap();
        self.count
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).unwrap();
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        self.put(&bytes.map_or(-1, |bytes| length(bytes.len())).to_be_bytes());
        self.put(bytes.unwrap_or_default());
    }
}

fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap()
}

/// Records of a file, one at a time.
pub(crate) struct Records {
    _file: TempFile,
    from: BufReader<File>,
    left: u64,
}

impl Records {
    pub(crate) fn open(file: TempFile, count: u64) -> Self {
        let from = BufReader::with_capacity(1 << 20, File::open(&file.path).unwrap());
        Self { _file: file, from, left: count }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(i32::from_be_bytes(self.array())).ok()?;
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes).unwrap();
        Some(bytes)
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.left = self.left.checked_sub(1)?;
        Some(Record {
            topic: u32::from_be_bytes(self.array()),
            partition: i32::from_be_bytes(self.array()),
            offset: i64::from_be_bytes(self.array()),
            timestamp: i64::from_be_bytes(self.array()),
            key: self.bytes(),
            value: self.bytes(),
            headers: {
                let count = i32::from_be_bytes(self.array());
                (0..count).map(|_| (self.bytes().unwrap(), self.bytes())).collect()
            },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap();
        (left, Some(left))
    }
}
