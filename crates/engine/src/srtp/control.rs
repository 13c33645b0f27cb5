//! Seals our RTCP and opens the client's (RFC 3711, section 3.4; RFC 7714, section 9).

use thiserror::Error;

use super::MasterKeys;
use super::cipher::Cipher;
use super::keys::Stream;
use super::replay::ReplayWindows;

/// What is never encrypted: the first header and its sender's SSRC.
const CLEAR_BYTES: usize = 8;
const INDEX_BYTES: usize = 4;
/// Set in the word of the index if the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Every index of the key was used. The session has to be set up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no RTCP packet can be sealed any more with this key")]
pub(crate) struct KeyExhausted;

/// Why a packet was not opened. Drop it and count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum OpenError {
    /// It is shorter than any SRTCP packet.
    #[error("the packet is shorter than any SRTCP packet")]
    Truncated,
    /// It is not encrypted, which WebRTC forbids (RFC 8827, section 6.5).
    #[error("the packet is not encrypted")]
    Unencrypted,
    /// It came before, or is too old to tell.
    #[error("the packet came before")]
    Replayed,
    /// It was not sealed with the client's key.
    #[error("the packet is not authentic")]
    Forged,
}

/// Seals the RTCP packets of one session with our write key.
pub(crate) struct ControlSealer {
    cipher: Cipher,
    /// Of the next packet; has 31 bits.
    index: u32,
}

impl ControlSealer {
    /// Derives the session keys.
    pub(crate) fn new(keys: &MasterKeys) -> Self {
        Self {
            cipher: Cipher::new(&keys.local, Stream::Control),
            index: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn with_cipher(cipher: Cipher, index: u32) -> Self {
        Self { cipher, index }
    }

    /// Seals the compound that `arena[start..]` holds: encrypted in place, tag and index appended.
    ///
    /// str0m counts its packets on its own with the same key: the first SSRC of the compound must be one
    /// that it never sends reports with.
    ///
    /// # Errors
    ///
    /// [`KeyExhausted`] after 2³¹ packets; the arena is left as it was.
    ///
    /// # Panics
    ///
    /// Panics if the arena holds less than a header, a bug of the caller.
    pub(crate) fn seal(&mut self, arena: &mut Vec<u8>, start: usize) -> Result<(), KeyExhausted> {
        let index = self.index;
        if index & ENCRYPTED != 0 {
            return Err(KeyExhausted);
        }
        self.index += 1;
        let word = (ENCRYPTED | index).to_be_bytes();
        let (clear, text) = arena[start..].split_at_mut(CLEAR_BYTES);
        let ssrc = ssrc_of(clear);
        match &self.cipher {
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(ssrc, index.into(), &bound(clear, word), text);
                arena.extend_from_slice(tag.as_ref());
                arena.extend_from_slice(&word);
            }
            Cipher::CounterMode(cipher) => {
                cipher.apply(ssrc, index.into(), text);
                arena.extend_from_slice(&word);
                let mac = cipher.mac(&arena[start..], &[]);
                arena.extend_from_slice(&mac);
            }
        }
        Ok(())
    }
}

/// Opens the RTCP packets of one client.
pub(crate) struct ControlOpener {
    cipher: Cipher,
    seen: ReplayWindows,
    /// The last packet opened; kept for its memory.
    plain: Vec<u8>,
}

impl ControlOpener {
    /// Derives the session keys.
    pub(crate) fn new(keys: &MasterKeys) -> Self {
        Self::with_cipher(Cipher::new(&keys.remote, Stream::Control))
    }

    pub(super) fn with_cipher(cipher: Cipher) -> Self {
        Self {
            cipher,
            seen: ReplayWindows::default(),
            plain: Vec::new(),
        }
    }

    /// Opens a packet from the network; gives the compound that it holds.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it isn't one that the client sealed, sent for the first time.
    pub(crate) fn open(&mut self, packet: &[u8]) -> Result<&[u8], OpenError> {
        let tag_bytes = self.cipher.tag_bytes();
        if packet.len() < CLEAR_BYTES + INDEX_BYTES + tag_bytes {
            return Err(OpenError::Truncated);
        }
        let text_end = packet.len() - INDEX_BYTES - tag_bytes;
        let (index_at, tag_at) = match &self.cipher {
            Cipher::Gcm(_) => (text_end + tag_bytes, text_end),
            Cipher::CounterMode(_) => (text_end, text_end + INDEX_BYTES),
        };
        let word = std::array::from_fn(|at| packet[index_at + at]);
        let tag = &packet[tag_at..tag_at + tag_bytes];
        let index = u32::from_be_bytes(word) & !ENCRYPTED;
        let ssrc = ssrc_of(packet);
        if u32::from_be_bytes(word) & ENCRYPTED == 0 {
            return Err(OpenError::Unencrypted);
        }
        if self.seen.has_seen(ssrc, index) {
            return Err(OpenError::Replayed);
        }
        self.plain.clear();
        self.plain.extend_from_slice(&packet[..text_end]);
        let (clear, text) = self.plain.split_at_mut(CLEAR_BYTES);
        let is_authentic = match &self.cipher {
            Cipher::Gcm(gcm) => gcm.open(ssrc, index.into(), &bound(clear, word), text, tag),
            Cipher::CounterMode(cipher) => cipher.is_authentic(&packet[..tag_at], tag),
        };
        if !is_authentic {
            return Err(OpenError::Forged);
        }
        if let Cipher::CounterMode(cipher) = &self.cipher {
            cipher.apply(ssrc, index.into(), text);
        }
        self.seen.insert(ssrc, index);
        Ok(&self.plain)
    }
}

/// What GCM authenticates beside the text (RFC 7714, section 9.2).
fn bound(clear: &[u8], word: [u8; INDEX_BYTES]) -> [u8; CLEAR_BYTES + INDEX_BYTES] {
    std::array::from_fn(|at| match at.checked_sub(CLEAR_BYTES) {
        None => clear[at],
        Some(at) => word[at],
    })
}

fn ssrc_of(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
}
