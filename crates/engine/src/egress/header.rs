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
}

impl ExtensionIds {
    pub(crate) fn of(map: &ExtensionMap) -> Self {
        let descriptor = map
            .iter()
            .find(|(_, extension)| extension.as_uri() == DEPENDENCY_DESCRIPTOR_URI);
        Self {
            mid: map.id_of(Extension::RtpMid),
            audio_level: map.id_of(Extension::AudioLevel),
            video_orientation: map.id_of(Extension::VideoOrientation),
            descriptor: descriptor.map(|(id, _)| id),
            transport_number: map.id_of(Extension::TransportSequenceNumber),
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

    fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
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
}

/// Appends a packet to `buffer`, unencrypted. Gives the length of its header; `None` if the packet can't
/// be written, and `buffer` then ends with part of it.
pub(crate) fn write(
    buffer: &mut Vec<u8>,
    header: &Header,
    contents: &Contents<'_>,
) -> Option<usize> {
    let start = buffer.len();
    write_fixed(buffer, header);
    if write_extensions(buffer, contents)? {
        buffer[start] |= HAS_EXTENSION;
    }
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
    Some(header_bytes)
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
    write_fixed(buffer, header);
    buffer[start] |= HAS_PADDING;
    let number = transport_number.to_be_bytes();
    let values: [Value<'_>; 2] = [
        (ids.transport_number, Some(&number)),
        (ids.mid, mid.map(MidBytes::get)),
    ];
    if write_block(buffer, &values)? {
        buffer[start] |= HAS_EXTENSION;
    }
    let header_bytes = buffer.len() - start;
    buffer.resize(buffer.len() + usize::from(padding) - 1, 0);
    buffer.push(padding);
    Some(header_bytes)
}

fn write_fixed(buffer: &mut Vec<u8>, header: &Header) {
    let marker = if header.marker { MARKER } else { 0 };
    let mut fixed = [0; 12];
    fixed[0] = VERSION;
    fixed[1] = marker | header.payload_type;
    fixed[2..4].copy_from_slice(&header.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    fixed[8..].copy_from_slice(&header.ssrc.to_be_bytes());
    buffer.extend_from_slice(&fixed);
}

/// Appends the header extensions, if there are any, and says whether.
fn write_extensions(buffer: &mut Vec<u8>, contents: &Contents<'_>) -> Option<bool> {
    let original = contents
        .packet
        .extensions
        .descriptor()
        .filter(|_| contents.ids.descriptor.is_some());
    let Some(original) = original else {
        return write_values(buffer, contents, None);
    };
    let mut descriptor = [0; EXTENSION_BYTES_MAX];
    let bytes = write_descriptor(&mut descriptor, original, contents)?;
    write_values(buffer, contents, Some(&descriptor[..bytes]))
}

fn write_values(
    buffer: &mut Vec<u8>,
    contents: &Contents<'_>,
    descriptor: Option<&[u8]>,
) -> Option<bool> {
    let (ids, extensions) = (contents.ids, &contents.packet.extensions);
    let level = extensions.audio_level.map(|level| {
        let voice = extensions.voice_activity.unwrap_or(false);
        [(level.unsigned_abs() & 0x7f) | (u8::from(voice) << 7)]
    });
    let orientation = extensions
        .video_orientation
        .map(|way| [orientation_bits(way)]);
    let number = contents.transport_number.to_be_bytes();
    let values: [Value<'_>; 5] = [
        (ids.transport_number, Some(&number)),
        (ids.mid, contents.mid.map(MidBytes::get)),
        (ids.audio_level, level.as_ref().map(<[u8; 1]>::as_slice)),
        (
            ids.video_orientation,
            orientation.as_ref().map(<[u8; 1]>::as_slice),
        ),
        (ids.descriptor, descriptor),
    ];
    write_block(buffer, &values)
}

/// A header extension: the id that the client knows it by, and what it says.
type Value<'a> = (Option<u8>, Option<&'a [u8]>);

fn present<'a>(values: &'a [Value<'a>]) -> impl Iterator<Item = (u8, &'a [u8])> {
    let present = values
        .iter()
        .filter_map(|(id, value)| Some(((*id)?, (*value)?)));
    present.filter(|(_, value)| !value.is_empty())
}

/// Appends those of the extensions that are known and say something; says whether there are any.
fn write_block(buffer: &mut Vec<u8>, values: &[Value<'_>]) -> Option<bool> {
    let (mut is_any, mut is_wide) = (false, false);
    for (id, value) in present(values) {
        is_any = true;
        is_wide |= id > ONE_BYTE_ID_MAX || value.len() > ONE_BYTE_LENGTH_MAX;
    }
    if !is_any {
        return Some(false);
    }
    let [high, low] = if is_wide {
        TWO_BYTE_PROFILE
    } else {
        ONE_BYTE_PROFILE
    };
    buffer.extend_from_slice(&[high, low, 0, 0]);
    let start = buffer.len();
    for (id, value) in present(values) {
        let length = u8::try_from(value.len()).ok()?;
        if is_wide {
            buffer.extend_from_slice(&[id, length]);
        } else {
            buffer.push((id << 4) | (length - 1));
        }
        buffer.extend_from_slice(value);
    }
    let bytes = (buffer.len() - start).next_multiple_of(4);
    buffer.resize(start + bytes, 0);
    let words = u16::try_from(bytes / 4).ok()?;
    buffer[start - 2..start].copy_from_slice(&words.to_be_bytes());
    Some(true)
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
