//! What a made-up packet says of itself at the end of its payload, so that a receiver can check it
//! without a decoder.

/// Bytes of a stamp.
pub(crate) const STAMP_BYTES: usize = 16;

/// What a codec's descriptor takes at the front at most.
const DESCRIPTOR_BYTES_MAX: usize = 46;

const NONE: u32 = u32::MAX;
const MAGIC: u8 = 0xc5;

/// A packet's place in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Simulcast encoding or spatial layer.
    pub(crate) layer: u8,
    pub(crate) temporal: u8,
    pub(crate) keyframe: bool,
    /// Number of the packet in its frame, and how many there are.
    pub(crate) index: u8,
    pub(crate) count: u8,
    pub(crate) frame: u32,
    /// The frame that has to be decoded before; none for keyframes.
    pub(crate) needs: Option<u32>,
}

impl Stamp {
    pub(crate) fn write(&self, payload: &mut Vec<u8>) {
        payload.extend([
            MAGIC,
            self.layer,
            self.temporal,
            u8::from(self.keyframe),
            self.index,
            self.count,
            0,
            0,
        ]);
        payload.extend(self.frame.to_be_bytes());
        payload.extend(self.needs.unwrap_or(NONE).to_be_bytes());
    }

    /// The byte that fills the payload before the stamp: another one in each packet of a while.
    pub(crate) fn fill(&self) -> u8 {
        let [.., low] = self.frame.to_be_bytes();
        low.wrapping_mul(31)
            .wrapping_add(self.index.wrapping_mul(7))
            .wrapping_add(self.layer)
    }

    /// Reads the stamp of a received payload. Panics if it was damaged: SRTP must not let that through.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let bytes = payload
            .last_chunk::<STAMP_BYTES>()
            .expect("a payload has a stamp");
        assert_eq!(bytes[0], MAGIC, "a payload was damaged on its way");
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let stamp = Self {
            layer: bytes[1],
            temporal: bytes[2],
            keyframe: bytes[3] != 0,
            index: bytes[4],
            count: bytes[5],
            frame: word(8),
            needs: Some(word(12)).filter(|needs| *needs != NONE),
        };
        let filled = &payload[..payload.len() - STAMP_BYTES];
        let (_, filled) = filled.split_at(filled.len().min(DESCRIPTOR_BYTES_MAX));
        assert!(
            filled.iter().all(|byte| *byte == stamp.fill()),
            "a payload was damaged on its way"
        );
        stamp
    }
}
