//! A track that is sent: its streams, and the header extensions that name them.

use std::time::Instant;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::RTCPeerConnection;
use rtc::rtp::extension::audio_level_extension::AudioLevelExtension;
use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Error;
use rtc::shared::marshal::Marshal;

use crate::media::Outgoing;
use crate::scene::TrackPlan;

use super::super::{FIRST_SEQUENCE, STREAM};
use super::setup::{LEVEL_URI, MID_URI, RID_URI, codec};

/// One layer.
#[derive(Debug)]
struct Layer {
    ssrc: u32,
    /// Empty without simulcast.
    rid: &'static str,
}

/// What the descriptions agreed on.
#[derive(Debug, Default)]
struct Agreed {
    mid: Bytes,
    payload_type: u8,
    mid_id: Option<u8>,
    rid_id: Option<u8>,
    level_id: Option<u8>,
}

/// A track that is sent.
#[derive(Debug)]
pub(super) struct Sending {
    sender: RTCRtpSenderId,
    /// Smallest first.
    layers: Vec<Layer>,
    /// Nothing before the first answer.
    agreed: Option<Agreed>,
}

impl Sending {
    /// Adds a section for the track to the next offer.
    pub(super) fn add(
        connection: &mut RTCPeerConnection,
        cid: &str,
        plan: &TrackPlan,
    ) -> Result<Self, Error> {
        let (kind, rids) = match plan {
            TrackPlan::Camera(layers) => {
                let rids = layers.iter().map(|layer| layer.rid).collect();
                (RtpCodecKind::Video, rids)
            }
            TrackPlan::Screen(_) => (RtpCodecKind::Video, vec![""]),
            TrackPlan::Microphone => (RtpCodecKind::Audio, vec![""]),
        };
        let layer = |rid| Layer {
            ssrc: rand::random(),
            rid,
        };
        let layers: Vec<Layer> = rids.into_iter().map(layer).collect();
        let encoding = |layer: &Layer| RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                rid: layer.rid.to_owned(),
                ssrc: Some(layer.ssrc),
                ..RTCRtpCodingParameters::default()
            },
            active: true,
            codec: codec(kind),
            ..RTCRtpEncodingParameters::default()
        };
        let encodings: Vec<_> = layers.iter().map(encoding).collect();
        let name = || cid.to_owned();
        let track =
            MediaStreamTrack::new(STREAM.to_owned(), name(), name(), kind, encodings.clone());
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec![],
            send_encodings: encodings,
        };
        let place = connection.add_transceiver_from_track(track, Some(init))?;
        let sender = connection.rtp_transceiver(place);
        let sender = sender.and_then(|transceiver| transceiver.sender());
        Ok(Self {
            sender: sender.ok_or(Error::ErrRTPSenderNotExisted)?,
            layers,
            agreed: None,
        })
    }

    /// Learns what an answer has agreed on.
    pub(super) fn learn(&mut self, connection: &mut RTCPeerConnection) {
        let ids = connection.get_transceivers().collect::<Vec<_>>();
        let mid = ids.into_iter().find_map(|id| {
            let transceiver = connection.rtp_transceiver(id)?;
            let is_ours = transceiver.sender() == Some(self.sender);
            is_ours.then(|| transceiver.mid().clone()).flatten()
        });
        let Some(mut sender) = connection.rtp_sender(self.sender) else {
            return;
        };
        let parameters = &sender.get_parameters().rtp_parameters;
        let id_of = |uri: &str| {
            let mut extensions = parameters.header_extensions.iter();
            let found = extensions.find(|extension| extension.uri == uri)?;
            u8::try_from(found.id).ok()
        };
        self.agreed = parameters.codecs.first().map(|codec| Agreed {
            mid: Bytes::from(mid.unwrap_or_default()),
            payload_type: codec.payload_type,
            mid_id: id_of(MID_URI),
            rid_id: id_of(RID_URI),
            level_id: id_of(LEVEL_URI),
        });
    }

    /// Which layer a stream of ours is.
    pub(super) fn layer_of(&self, ssrc: u32) -> Option<usize> {
        self.layers.iter().position(|layer| layer.ssrc == ssrc)
    }

    /// Sends a packet; gives whether it went out.
    pub(super) fn send(
        &self,
        now: Instant,
        connection: &mut RTCPeerConnection,
        packet: Outgoing,
    ) -> bool {
        let layer = self.layers.get(usize::from(packet.layer));
        let (Some(agreed), Some(layer)) = (&self.agreed, layer) else {
            return false;
        };
        let Ok(header) = header(agreed, layer, &packet) else {
            return false;
        };
        let packet = Packet {
            header,
            payload: packet.payload.into(),
        };
        let Some(mut sender) = connection.rtp_sender(self.sender) else {
            return false;
        };
        sender.write_rtp(now, packet).is_ok()
    }
}

fn header(agreed: &Agreed, layer: &Layer, packet: &Outgoing) -> Result<Header, Error> {
    let low = u16::try_from(packet.counter & 0xffff).expect("16 bits");
    let mut header = Header {
        version: 2,
        marker: packet.is_marker,
        payload_type: agreed.payload_type,
        sequence_number: FIRST_SEQUENCE.wrapping_add(low),
        timestamp: packet.timestamp,
        ssrc: layer.ssrc,
        ..Header::default()
    };
    if let Some(id) = agreed.mid_id {
        header.set_extension(id, agreed.mid.clone())?;
    }
    if let Some(id) = agreed.rid_id.filter(|_| !layer.rid.is_empty()) {
        header.set_extension(id, Bytes::from_static(layer.rid.as_bytes()))?;
    }
    if let (Some(id), Some((level, voice))) = (agreed.level_id, packet.level) {
        let level = AudioLevelExtension {
            level: level.unsigned_abs(),
            voice,
        };
        header.set_extension(id, level.marshal()?.freeze())?;
    }
    Ok(header)
}
