//! Data blobs: what a participant lays down for others to fetch, such as schemas of its data tracks.
//!
//! Invariant: keys and contents of one participant together never have more than
//! `limit.data_blobs_bytes_max` bytes.

use std::collections::HashMap;

use livekit_protocol::request_response::Reason;
use livekit_protocol::{DataBlob, DataBlobKey, data_blob_key};
use prost::Message as _;

/// Longest key, encoded.
const KEY_BYTES_MAX: usize = 320;

/// The blobs of one participant.
#[derive(Debug, Default)]
pub(crate) struct DataBlobs {
    blobs: HashMap<DataBlobKey, Vec<u8>>,
    bytes: usize,
}

impl DataBlobs {
    /// Lays a blob down; one with the same key goes. All together have `bytes_max` at most.
    ///
    /// # Errors
    ///
    /// Reason and text for the client.
    pub(crate) fn store(
        &mut self,
        blob: DataBlob,
        bytes_max: usize,
    ) -> Result<DataBlobKey, (Reason, &'static str)> {
        let Some(key) = blob.key.filter(is_key) else {
            return Err((Reason::InvalidRequest, "the data blob has no usable key"));
        };
        if blob.contents.is_empty() {
            return Err((Reason::InvalidRequest, "the data blob is empty"));
        }
        let before = self.blobs.get(&key).map_or(0, |old| size(&key, old));
        let bytes = self.bytes - before + size(&key, &blob.contents);
        if bytes > bytes_max {
            return Err((Reason::LimitExceeded, "the data blobs are too large"));
        }
        self.bytes = bytes;
        self.blobs.insert(key.clone(), blob.contents);
        Ok(key)
    }

    /// Fetches a blob.
    pub(crate) fn get(&self, key: &DataBlobKey) -> Option<DataBlob> {
        let contents = self.blobs.get(key)?.clone();
        Some(DataBlob {
            key: Some(key.clone()),
            contents,
        })
    }
}

fn is_key(key: &DataBlobKey) -> bool {
    let is_named = match &key.key {
        Some(data_blob_key::Key::Generic(name)) => !name.is_empty(),
        Some(data_blob_key::Key::SchemaId(schema)) => !schema.name.is_empty(),
        None => false,
    };
    is_named && key.encoded_len() <= KEY_BYTES_MAX
}

fn size(key: &DataBlobKey, contents: &[u8]) -> usize {
    key.encoded_len() + contents.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(name: &str, contents: &[u8]) -> DataBlob {
        DataBlob {
            key: Some(DataBlobKey {
                key: Some(data_blob_key::Key::Generic(name.into())),
            }),
            contents: contents.to_vec(),
        }
    }

    #[test]
    fn a_blob_is_fetched_as_it_was_laid_down_last() {
        let mut blobs = DataBlobs::default();

        let key = blobs.store(blob("pose", b"1"), 100).unwrap();
        blobs.store(blob("pose", b"2"), 100).unwrap();

        assert_eq!(blobs.get(&key), Some(blob("pose", b"2")));
        assert_eq!(blobs.get(&DataBlobKey::default()), None);
    }

    #[test]
    fn blobs_without_key_or_contents_are_refused() {
        let keyless = DataBlob {
            key: None,
            ..blob("x", b"1")
        };
        for bad in [
            keyless,
            blob("", b"1"),
            blob("x", b""),
            blob(&"x".repeat(400), b"1"),
        ] {
            let refused = DataBlobs::default().store(bad, 1000).unwrap_err();
            assert_eq!(refused.0, Reason::InvalidRequest);
        }
    }

    proptest! {
        #[test]
        fn the_sum_of_all_blobs_stays_within_the_limit(
            steps in prop::collection::vec((0_u8..5, 1_usize..60), 0..60)
        ) {
            let mut blobs = DataBlobs::default();
            for (name, length) in steps {
                let _ = blobs.store(blob(&name.to_string(), &vec![0; length]), 120);
                let sum: usize = blobs.blobs.iter().map(|(key, old)| size(key, old)).sum();
                prop_assert_eq!(sum, blobs.bytes);
                prop_assert!(sum <= 120);
            }
        }
    }
}
