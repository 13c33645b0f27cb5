//! Seals RTP packets where they were put together.

use super::MasterKeys;
use super::cipher::Cipher;
use super::keys::Stream;

/// An RTP header without CSRCs and extensions (RFC 3550, section 5.1).
const HEADER_BYTES_MIN: usize = 12;
/// A packet's index has 48 bits: rollover counter and sequence number (RFC 3711, section 3.3.1).
const INDEX_BITS: u32 = 48;

/// Seals the RTP packets of one session with our write key.
pub(crate) struct RtpSealer {
    cipher: Cipher,
}

impl RtpSealer {
    /// Derives the session keys.
    pub(crate) fn new(keys: &MasterKeys) -> Self {
        Self {
            cipher: Cipher::new(&keys.local, Stream::Rtp),
        }
    }

    #[cfg(test)]
    pub(super) fn with_cipher(cipher: Cipher) -> Self {
        Self { cipher }
    }

    /// Seals the packet that `arena[start..]` holds: `header_bytes` of header with CSRCs and extensions,
    /// then payload. The payload is encrypted in place and the tag appended.
    ///
    /// `index` is the extended sequence number: rollover counter, then the 16 bits in the header. No two
    /// packets of one SSRC may ever have the same, nor may str0m send with this SSRC.
    ///
    /// # Panics
    ///
    /// Panics if the header is not one, or has another sequence number: a bug of the caller that would
    /// cost the secrecy of two packets.
    pub(crate) fn seal(&self, index: u64, arena: &mut Vec<u8>, start: usize, header_bytes: usize) {
        let packet = &mut arena[start..];
        assert!(
            header_bytes >= HEADER_BYTES_MIN && index >> INDEX_BITS == 0,
            "an RTP packet has a header and an index of 48 bits"
        );
        let (header, payload) = packet.split_at_mut(header_bytes);
        let [.., high, low] = index.to_be_bytes();
        assert!(
            header[2..4] == [high, low],
            "the header has the packet's sequence number"
        );
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        match &self.cipher {
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(ssrc, index, header, payload);
                arena.extend_from_slice(tag.as_ref());
            }
            Cipher::CounterMode(cipher) => {
                cipher.apply(ssrc, index, payload);
                let rollovers = &index.to_be_bytes()[2..6];
                let mac = cipher.mac(packet, rollovers);
                arena.extend_from_slice(&mac);
            }
        }
    }
}
