//! The mark at the end of every payload: who sent it, when, and which packet of which picture it is.
//!
//! It stands at the end because servers rewrite payload descriptors, which stand at the beginning.

use std::time::Duration;

/// Bytes of a stamp.
pub(crate) const STAMP_BYTES: usize = 28;

const MAGIC: [u8; 4] = *b"clpt";

/// What kind of track a packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StampKind {
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// A shared screen.
    Screen,
}

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The publisher's number in the plan.
    pub(crate) publisher: u32,
    /// What is published.
    pub(crate) kind: StampKind,
    /// The simulcast layer, 0 is the smallest.
    pub(crate) layer: u8,
    /// It begins its picture.
    pub(crate) is_start: bool,
    /// It ends its picture.
    pub(crate) is_end: bool,
    /// Its picture is a keyframe.
    pub(crate) is_keyframe: bool,
    /// Packets of the track and layer before this one.
    pub(crate) counter: u32,
    /// Pictures before this one.
    pub(crate) frame: u32,
    /// When it was sent, since the beginning of the run.
    pub(crate) sent_at: Duration,
}

/// Bytes at the beginning of a payload that may differ from zero before the stamp: descriptor and
/// header of a picture, as long as a server may make them.
const HEAD_BYTES: usize = 24;

/// Tells whether what lies between head and stamp is as it was sent.
pub(crate) fn is_intact(payload: &[u8]) -> bool {
    let end = payload.len().saturating_sub(STAMP_BYTES);
    let filling = payload.get(HEAD_BYTES..end).unwrap_or_default();
    filling.iter().all(|byte| *byte == 0)
}

impl Stamp {
    /// Writes the stamp over the end of a payload, which must be long enough.
    pub(crate) fn write(&self, payload: &mut [u8]) {
        let kind = match self.kind {
            StampKind::Camera => 0,
            StampKind::Microphone => 1,
            StampKind::Screen => 2,
        };
        let flags =
            u8::from(self.is_start) | u8::from(self.is_end) << 1 | u8::from(self.is_keyframe) << 2;
        let micros = u64::try_from(self.sent_at.as_micros()).unwrap_or(u64::MAX);
        let start = payload.len() - STAMP_BYTES;
        let stamp = &mut payload[start..];
        stamp[..4].copy_from_slice(&MAGIC);
        stamp[4..8].copy_from_slice(&self.publisher.to_be_bytes());
        stamp[8..12].copy_from_slice(&[kind, self.layer, flags, 0]);
        stamp[12..16].copy_from_slice(&self.counter.to_be_bytes());
        stamp[16..20].copy_from_slice(&self.frame.to_be_bytes());
        stamp[20..28].copy_from_slice(&micros.to_be_bytes());
    }

    /// Reads the stamp of a payload; nothing if it has none.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let stamp: &[u8; STAMP_BYTES] = payload.last_chunk()?;
        let word = |at: usize| {
            let bytes = stamp.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        if stamp[..4] != MAGIC {
            return None;
        }
        let kind = match stamp[8] {
            0 => StampKind::Camera,
            1 => StampKind::Microphone,
            2 => StampKind::Screen,
            _ => return None,
        };
        let micros = u64::from_be_bytes(stamp[20..28].try_into().ok()?);
        Some(Self {
            publisher: word(4)?,
            kind,
            layer: stamp[9],
            is_start: stamp[10] & 1 != 0,
            is_end: stamp[10] & 2 != 0,
            is_keyframe: stamp[10] & 4 != 0,
            counter: word(12)?,
            frame: word(16)?,
            sent_at: Duration::from_micros(micros),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_behind_any_beginning() {
        let stamp = Stamp {
            publisher: 7,
            kind: StampKind::Screen,
            layer: 2,
            is_start: true,
            is_end: false,
            is_keyframe: true,
            counter: 123_456,
            frame: 99,
            sent_at: Duration::from_micros(5_000_000_001),
        };
        for length in [STAMP_BYTES, 1160] {
            let mut payload = vec![0xaa; length];
            stamp.write(&mut payload);
            payload[..length - STAMP_BYTES].fill(0x55);

            assert_eq!(Stamp::read(&payload), Some(stamp));
        }
    }

    #[test]
    fn a_changed_byte_in_the_middle_is_noticed() {
        let mut payload = vec![0; 200];
        payload[..24].fill(7);
        payload[172..].fill(7);
        assert!(is_intact(&payload));

        payload[100] = 1;
        assert!(!is_intact(&payload));
        assert!(is_intact(&[7; 30]), "too short to have any");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(payload: Vec<u8>) {
            let _ = Stamp::read(&payload);
        }
    }

    #[test]
    fn payloads_without_a_stamp_have_none() {
        assert_eq!(Stamp::read(&[]), None);
        assert_eq!(Stamp::read(&[0; 1200]), None);
    }
}
