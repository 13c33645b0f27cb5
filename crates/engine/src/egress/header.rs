//! Writing one subscriber's copy of a packet: RTP header, extensions, payload (RFC 3550, RFC 8285).

use forwarding::{Descriptor, PayloadRewrite};
use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap, VideoOrientation};

use super::body::Body;
use crate::media::Packet;
use crate::peer::DEPENDENCY_DESCRIPTOR_URI;

/// What a descriptor grows by at most when active decode targets are written into it.
const ACTIVE_TARGETS_BYTES_MAX: usize = 5;

/// Longest value of an extension (RFC 8285, section 4.3).
const EXTENSION_BYTES_MAX: usize = 255;

/// Longest name of a section that str0m knows.
const MID_BYTES_MAX: usize = 16;

const FIXED_BYTES: usize = 12;

/// Profile and length of the extensions.
const PREFIX_BYTES: usize = 4;

/// Fixed header, prefix, and all extensions but the dependency descriptor: each has two bytes before its
/// value at most, and a name is written as if it were of the longest.
const HEAD_BYTES_MAX: usize =
    FIXED_BYTES + PREFIX_BYTES + (2 + 2) + (2 + MID_BYTES_MAX) + 2 * (2 + 1);

const ONE_BYTE_PROFILE: [u8; 2] = [0xbe, 0xde];
const TWO_BYTE_PROFILE: [u8; 2] = [0x10, 0];
const ONE_BYTE_ID_MAX: u8 = 14;
const ONE_BYTE_LENGTH_MAX: usize = 16;

const VERSION: u8 = 0x80;
const HAS_PADDING: u8 = 0x20;
const HAS_EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;

/// The ids that a client knows header extensions by in one section.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExtensionIds {
    mid: Option<u8>,
    audio_level: Option<u8>,
    video_orientation: Option<u8>,
    descriptor: Option<u8>,
    transport_number: Option<u8>,
    /// Some id is too large for one byte before the value.
    is_wide: bool,
}

impl ExtensionIds {
    pub(crate) fn of(map: &ExtensionMap) -> Self {
        let descriptor = map
            .iter()
            .find(|(_, extension)| extension.as_uri() == DEPENDENCY_DESCRIPTOR_URI);
        let ids = [
            map.id_of(Extension::RtpMid),
            map.id_of(Extension::AudioLevel),
            map.id_of(Extension::VideoOrientation),
            descriptor.map(|(id, _)| id),
            map.id_of(Extension::TransportSequenceNumber),
        ];
        let [
            mid,
            audio_level,
            video_orientation,
            descriptor,
            transport_number,
        ] = ids;
        Self {
            mid,
            audio_level,
            video_orientation,
            descriptor,
            transport_number,
            is_wide: ids.into_iter().flatten().any(|id| id > ONE_BYTE_ID_MAX),
        }
    }

    /// Whether the client wants packets to be numbered over all its streams.
    pub(crate) fn are_numbered(&self) -> bool {
        self.transport_number.is_some()
    }

    /// The same, without such numbers.
    pub(crate) fn without_numbers(self) -> Self {
        Self {
            transport_number: None,
            ..self
        }
    }
}

/// The bytes of a section's name. (str0m checks and trims its own each time that it is looked at.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct MidBytes {
    bytes: [u8; MID_BYTES_MAX],
    length: usize,
}

impl MidBytes {
    pub(crate) fn of(mid: Mid) -> Self {
        let mut bytes = [0; MID_BYTES_MAX];
        let length = mid.len().min(MID_BYTES_MAX);
        bytes[..length].copy_from_slice(&mid.as_bytes()[..length]);
        Self { bytes, length }
    }
}

/// The fixed part of a header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
}

/// What stands between the fixed header and the payload, and what changes in the payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents<'a> {
    pub(crate) ids: &'a ExtensionIds,
    /// The section, for as long as the client may not know where the SSRC belongs.
    pub(crate) mid: Option<&'a MidBytes>,
    /// Its number among all packets of the session, told where the client wants to know.
    pub(crate) transport_number: u16,
    pub(crate) packet: &'a Packet,
    pub(crate) body: Body,
    pub(crate) rewrite: PayloadRewrite,
    /// In a retransmission: the number that the packet had (RFC 4588, section 4).
    pub(crate) original: Option<u16>,
    /// Bytes behind the payload that say nothing.
    pub(crate) padding: u8,
}

/// Appends a packet to `buffer`, unencrypted. Gives the length of its header; `None` if the packet can't
/// be written, and `buffer` then ends with part of it.
pub(crate) fn write(
    buffer: &mut Vec<u8>,
    header: &Header,
    contents: &Contents<'_>,
) -> Option<usize> {
    let start = buffer.len();
    let mut head = Head::new(header);
    if contents.padding > 0 {
        head.bytes[0] |= HAS_PADDING;
    }
    write_extensions(buffer, &mut head, contents)?;
    let header_bytes = buffer.len() - start;
    if let Some(original) = contents.original {
        buffer.extend_from_slice(&original.to_be_bytes());
    }
    let payload_at = buffer.len();
    contents.body.write(buffer, contents.packet);
    if let (
        PayloadRewrite::Vp8 {
            picture_id,
            tl0_pic_idx,
        },
        Descriptor::Vp8(descriptor),
    ) = (contents.rewrite, &contents.packet.view.descriptor)
    {
        let payload = &mut buffer[payload_at..];
        descriptor.rewrite(payload, picture_id, tl0_pic_idx).ok()?;
    }
    pad(buffer, contents.padding);
    Some(header_bytes)
}

/// Appends `bytes` of padding, of which the last says how many there are (RFC 3550, section 5.1).
fn pad(buffer: &mut Vec<u8>, bytes: u8) {
    if let Some(zeros) = bytes.checked_sub(1) {
        buffer.resize(buffer.len() + usize::from(zeros), 0);
        buffer.push(bytes);
    }
}

/// Appends a packet that says nothing but its length, unencrypted: `padding` bytes, 1 at least
/// (RFC 3550, section 5.1). Gives the length of its header.
pub(crate) fn write_padding(
    buffer: &mut Vec<u8>,
    header: &Header,
    ids: &ExtensionIds,
    (mid, transport_number): (Option<&MidBytes>, u16),
    padding: u8,
) -> Option<usize> {
    let start = buffer.len();
    let mut head = Head::new(header);
    head.bytes[0] |= HAS_PADDING;
    head.is_wide = ids.is_wide;
    if let Some(id) = ids.transport_number {
        head.add(id, transport_number.to_be_bytes());
    }
    if let (Some(id), Some(mid)) = (ids.mid, mid) {
        head.add_name(id, mid);
    }
    head.finish(buffer, None)?;
    let header_bytes = buffer.len() - start;
    pad(buffer, padding);
    Some(header_bytes)
}

/// The beginning of a packet, put together before it goes into the buffer in one piece.
struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    length: usize,
    /// Two bytes stand before each value, and not one (RFC 8285, section 4.3).
    is_wide: bool,
}

impl Head {
    fn new(header: &Header) -> Self {
        let marker = if header.marker { MARKER } else { 0 };
        let mut bytes = [0; HEAD_BYTES_MAX];
        bytes[0] = VERSION;
        bytes[1] = marker | header.payload_type;
        bytes[2..4].copy_from_slice(&header.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
        bytes[8..FIXED_BYTES].copy_from_slice(&header.ssrc.to_be_bytes());
        Self {
            bytes,
            length: FIXED_BYTES + PREFIX_BYTES,
            is_wide: false,
        }
    }

    /// Adds an extension of `N` bytes, 1 to 16.
    fn add<const N: usize>(&mut self, id: u8, value: [u8; N]) {
        self.begin(id, N);
        self.bytes[self.length..self.length + N].copy_from_slice(&value);
        self.length += N;
    }

    /// Adds the name of a section, unless it is empty. It is copied at full length: the rest is zeros.
    fn add_name(&mut self, id: u8, name: &MidBytes) {
        if name.length > 0 {
            self.begin(id, name.length);
            self.bytes[self.length..self.length + MID_BYTES_MAX].copy_from_slice(&name.bytes);
            self.length += name.length;
        }
    }

    fn begin(&mut self, id: u8, length: usize) {
        if self.is_wide {
            self.bytes[self.length] = id;
            self.length += 1;
        }
        self.bytes[self.length] = first_byte(self.is_wide, id, length);
        self.length += 1;
    }

    /// Appends what was put together to `buffer`, and `last`, an extension that may be long.
    fn finish(&mut self, buffer: &mut Vec<u8>, last: Option<(u8, &[u8])>) -> Option<()> {
        let last = last.filter(|(_, value)| !value.is_empty());
        if self.length == FIXED_BYTES + PREFIX_BYTES && last.is_none() {
            buffer.extend_from_slice(&self.bytes[..FIXED_BYTES]);
            return Some(());
        }
        let prefix = last.map_or(0, |(_, value)| value.len() + 1 + usize::from(self.is_wide));
        let unpadded = self.length + prefix - FIXED_BYTES - PREFIX_BYTES;
        let padding = unpadded.next_multiple_of(4) - unpadded;
        let words = u16::try_from((unpadded + padding) / 4).ok()?;
        self.bytes[0] |= HAS_EXTENSION;
        let profile = if self.is_wide {
            TWO_BYTE_PROFILE
        } else {
            ONE_BYTE_PROFILE
        };
        self.bytes[FIXED_BYTES..FIXED_BYTES + 2].copy_from_slice(&profile);
        self.bytes[FIXED_BYTES + 2..FIXED_BYTES + PREFIX_BYTES]
            .copy_from_slice(&words.to_be_bytes());
        buffer.extend_from_slice(&self.bytes[..self.length]);
        if let Some((id, value)) = last {
            if self.is_wide {
                buffer.push(id);
            }
            buffer.push(first_byte(self.is_wide, id, value.len()));
            buffer.extend_from_slice(value);
        }
        buffer.extend_from_slice(&[0; 3][..padding]);
        Some(())
    }
}

/// What stands right before a value of `length` bytes, 1 at least: its length, with its id if there is no
/// byte for that.
fn first_byte(is_wide: bool, id: u8, length: usize) -> u8 {
    let length = u8::try_from(length).unwrap_or(u8::MAX);
    if is_wide {
        length
    } else {
        (id << 4) | ((length - 1) & 0x0f)
    }
}

/// Appends the fixed header and the extensions that the client knows.
fn write_extensions(buffer: &mut Vec<u8>, head: &mut Head, contents: &Contents<'_>) -> Option<()> {
    let (ids, extensions) = (contents.ids, &contents.packet.extensions);
    if let (Some(id), Some(original)) = (ids.descriptor, extensions.descriptor()) {
        let mut space = [0; EXTENSION_BYTES_MAX];
        let bytes = write_descriptor(&mut space, original, contents)?;
        head.is_wide = ids.is_wide || bytes > ONE_BYTE_LENGTH_MAX;
        add_short(head, contents);
        head.finish(buffer, Some((id, &space[..bytes])))
    } else {
        head.is_wide = ids.is_wide;
        add_short(head, contents);
        head.finish(buffer, None)
    }
}

/// Adds the extensions that are short.
fn add_short(head: &mut Head, contents: &Contents<'_>) {
    let (ids, extensions) = (contents.ids, &contents.packet.extensions);
    if let Some(id) = ids.transport_number {
        head.add(id, contents.transport_number.to_be_bytes());
    }
    if let (Some(id), Some(mid)) = (ids.mid, contents.mid) {
        head.add_name(id, mid);
    }
    if let (Some(id), Some(level)) = (ids.audio_level, extensions.audio_level) {
        let voice = extensions.voice_activity.unwrap_or(false);
        head.add(id, [(level.unsigned_abs() & 0x7f) | (u8::from(voice) << 7)]);
    }
    if let (Some(id), Some(way)) = (ids.video_orientation, extensions.video_orientation) {
        head.add(id, [orientation_bits(way)]);
    }
}

/// Writes the dependency descriptor that this subscriber gets; gives its length.
fn write_descriptor(
    out: &mut [u8; EXTENSION_BYTES_MAX],
    original: &[u8],
    contents: &Contents<'_>,
) -> Option<usize> {
    let (PayloadRewrite::Av1 { active_targets }, Descriptor::Av1(frame)) =
        (contents.rewrite, &contents.packet.view.descriptor)
    else {
        out.get_mut(..original.len())?.copy_from_slice(original);
        return Some(original.len());
    };
    let space = (original.len() + ACTIVE_TARGETS_BYTES_MAX).min(out.len());
    frame
        .write_active_targets(original, active_targets, &mut out[..space])
        .ok()
}

/// The rotation as it stands in `urn:3gpp:video-orientation` (3GPP TS 26.114, section 7.4.5).
fn orientation_bits(orientation: VideoOrientation) -> u8 {
    match orientation {
        VideoOrientation::Deg0 => 0,
        VideoOrientation::Deg90 => 3,
        VideoOrientation::Deg180 => 2,
        VideoOrientation::Deg270 => 1,
    }
}

#[cfg(test)]
mod tests {
    use forwarding::PacketView;
    use proptest::prelude::*;

    use super::*;
    use crate::media::PacketExtensions;

    const HEADER: Header = Header {
        ssrc: 0x0102_0304,
        payload_type: 96,
        marker: true,
        sequence: 0x0506,
        timestamp: 0x0708_090a,
    };

    fn packet(extensions: PacketExtensions) -> Packet {
        Packet {
            view: PacketView {
                encoding: 0,
                sequence: 1,
                timestamp: 0,
                marker: false,
                payload_bytes: 2,
                descriptor: Descriptor::Audio,
            },
            payload: [0xaa, 0xbb].into(),
            extensions,
            red: None,
        }
    }

    fn extensions(
        level: Option<i8>,
        voice: bool,
        way: Option<VideoOrientation>,
    ) -> PacketExtensions {
        let mut extensions = PacketExtensions::default();
        extensions.audio_level = level;
        extensions.voice_activity = Some(voice);
        extensions.video_orientation = way;
        extensions
    }

    fn ids(list: [Option<u8>; 4]) -> ExtensionIds {
        let [mid, audio_level, video_orientation, transport_number] = list;
        ExtensionIds {
            mid,
            audio_level,
            video_orientation,
            descriptor: None,
            transport_number,
            is_wide: list.into_iter().flatten().any(|id| id > ONE_BYTE_ID_MAX),
        }
    }

    fn written(ids: &ExtensionIds, mid: Option<&MidBytes>, packet: &Packet) -> (Vec<u8>, usize) {
        padded(ids, mid, packet, 0)
    }

    fn padded(
        ids: &ExtensionIds,
        mid: Option<&MidBytes>,
        packet: &Packet,
        padding: u8,
    ) -> (Vec<u8>, usize) {
        let mut buffer = vec![0xff];
        let contents = Contents {
            ids,
            mid,
            transport_number: 0x0c0d,
            packet,
            body: Body::Whole,
            rewrite: PayloadRewrite::None,
            original: None,
            padding,
        };
        let length = write(&mut buffer, &HEADER, &contents).expect("it can be written");
        (buffer.split_off(1), length)
    }

    /// The extensions of a packet, by their ids, read as RFC 8285 says.
    fn read(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        if bytes[0] & HAS_EXTENSION == 0 {
            return Vec::new();
        }
        let words = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
        let (is_wide, mut rest) = (
            bytes[12..14] == TWO_BYTE_PROFILE,
            &bytes[16..16 + 4 * words],
        );
        let mut found = Vec::new();
        while let [first, tail @ ..] = rest {
            if *first == 0 {
                rest = tail;
                continue;
            }
            let (id, length, tail) = if is_wide {
                (*first, usize::from(tail[0]), &tail[1..])
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1, tail)
            };
            found.push((id, tail[..length].to_vec()));
            rest = &tail[length..];
        }
        found
    }

    #[test]
    fn a_packet_without_extensions_has_the_fixed_header_only() {
        let (bytes, length) = written(&ids([None; 4]), None, &packet(PacketExtensions::default()));

        assert_eq!(
            bytes,
            [0x80, 0xe0, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 0xaa, 0xbb]
        );
        assert_eq!(length, 12);
    }

    #[test]
    fn extensions_stand_behind_their_prefix_padded_to_words() {
        let extensions = extensions(Some(-20), true, None);
        let mid = MidBytes::of("ab".into());
        let ids = ids([Some(4), Some(1), None, Some(3)]);
        let (bytes, length) = written(&ids, Some(&mid), &packet(extensions));

        let block = [
            0xbe, 0xde, 0, 2, 0x31, 0x0c, 0x0d, 0x41, b'a', b'b', 0x10, 0x94,
        ];
        assert_eq!(bytes[0], 0x90);
        assert_eq!(bytes[12..length], block);
        assert_eq!(bytes[length..], [0xaa, 0xbb]);
    }

    #[test]
    fn padding_stands_behind_the_payload() {
        let ids = ids([None; 4]);
        let plain = packet(PacketExtensions::default());
        let (one, _) = padded(&ids, None, &plain, 1);
        let (three, length) = padded(&ids, None, &plain, 3);

        assert_eq!(one[12..], [0xaa, 0xbb, 1]);
        assert_eq!((three[0], length), (0xa0, 12));
        assert_eq!(three[12..], [0xaa, 0xbb, 0, 0, 3]);
    }

    #[test]
    fn padding_says_how_long_it_is() {
        let mut buffer = Vec::new();
        let ids = ids([None, None, None, Some(5)]);
        let length = write_padding(&mut buffer, &HEADER, &ids, (None, 7), 100).unwrap();

        assert_eq!(buffer[0], 0xb0);
        assert_eq!(read(&buffer), [(5, vec![0, 7])]);
        assert_eq!(buffer.len(), length + 100);
        assert_eq!(buffer[length..length + 99], [0; 99]);
        assert_eq!(buffer[length + 99], 100);
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(
            list in prop::sample::subsequence((1_u8..=20).collect::<Vec<_>>(), 4).prop_shuffle(),
            known in prop::array::uniform4(any::<bool>()),
            name in prop::option::of("[a-z]{1,16}"),
            level in prop::option::of(-127_i8..=0),
        ) {
            let list = std::array::from_fn(|index| known[index].then_some(list[index]));
            let ids = ids(list);
            let mid = name.as_deref().map(|name| MidBytes::of(name.into()));
            let extensions = extensions(level, false, Some(VideoOrientation::Deg90));
            let (bytes, length) = written(&ids, mid.as_ref(), &packet(extensions));

            let expected: Vec<(u8, Vec<u8>)> = [
                list[3].map(|id| (id, vec![0x0c, 0x0d])),
                list[0].zip(name).map(|(id, name)| (id, name.into_bytes())),
                list[1].zip(level).map(|(id, level)| (id, vec![level.unsigned_abs()])),
                list[2].map(|id| (id, vec![3])),
            ]
            .into_iter()
            .flatten()
            .collect();
            prop_assert_eq!(read(&bytes), expected);
            prop_assert_eq!(&bytes[length..], &[0xaa, 0xbb]);
            prop_assert_eq!(length % 4, 0);
        }
    }
}
