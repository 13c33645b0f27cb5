//! How a forwarded packet leaves: behind a trait, so that str0m's send path can be replaced.

use std::sync::Arc;
use std::time::Instant;

use forwarding::{Forward, PayloadRewrite};
use str0m::Rtc;
use str0m::media::Pt;
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc, Vp8Descriptor, Vp8Patch};

use crate::media::Packet;
use crate::peer::DescriptorBytes;

/// The stream of one subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendStream {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: Pt,
    /// Whether lost packets are sent again on request: only where the client knows RTX.
    pub(crate) nackable: bool,
}

/// Seals and sends packets of one kind of transport.
pub(crate) trait Egress {
    /// Takes over one packet for one subscriber. It leaves with the next flush of the session.
    fn send(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        stream: SendStream,
        packet: &Packet,
        forward: &Forward,
    );
}

/// str0m's own send path: its queue, its retransmission cache, its SRTP context.
#[derive(Debug, Default)]
pub(crate) struct Str0mEgress;

impl Egress for Str0mEgress {
    fn send(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        stream: SendStream,
        packet: &Packet,
        forward: &Forward,
    ) {
        let mut direct = rtc.direct_api();
        let Some(sender) = direct.stream_tx(&stream.ssrc) else {
            return;
        };
        let mut write = RtpWrite::new(
            stream.payload_type,
            forward.sequence.into(),
            forward.timestamp,
            now,
            Arc::clone(&packet.payload),
        )
        .marker(forward.marker)
        .nackable(stream.nackable)
        .ext_vals(extension_values(packet, forward));
        if let Some(patch) = vp8_patch(&packet.payload, forward.rewrite) {
            write = write.vp8_patch(patch);
        }
        sender.write_rtp(write);
    }
}

fn extension_values(packet: &Packet, forward: &Forward) -> ExtensionValues {
    let extensions = &packet.extensions;
    let mut values = ExtensionValues {
        audio_level: extensions.audio_level,
        voice_activity: extensions.voice_activity,
        video_orientation: extensions.video_orientation,
        ..ExtensionValues::default()
    };
    if let Some(bytes) = crate::media::dependency_descriptor(packet, forward.rewrite) {
        values.user_values.set(DescriptorBytes(bytes));
    }
    values
}

fn vp8_patch(payload: &[u8], rewrite: PayloadRewrite) -> Option<Vp8Patch> {
    let PayloadRewrite::Vp8 {
        picture_id,
        tl0_pic_idx,
    } = rewrite
    else {
        return None;
    };
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let mut patch = descriptor.patch();
    if let Some(id) = picture_id {
        patch = patch.picture_id(id);
    }
    if let Some(index) = tl0_pic_idx {
        patch = patch.tl0_pic_idx(index);
    }
    patch.build().ok()
}
