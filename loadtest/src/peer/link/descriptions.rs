//! Offers and answers of a connection.

use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer};

use crate::scene::TrackPlan;

use super::{Link, LinkError};

impl Link {
    /// Adds media sections and offers them; gives the names of those that send, and the offer.
    ///
    /// `receiving` are further sections to receive audio and video with. With the first of them the
    /// data channels are opened too, which in this mode is the client's part.
    pub(crate) fn offer_tracks(
        &mut self,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
    ) -> (Vec<Mid>, String) {
        let has_channels = self.sections > 0;
        let mut changes = self.rtc.sdp_api();
        if receiving != (0, 0) && !has_channels {
            for label in ["_reliable", "_lossy"] {
                changes.add_channel(label.to_owned());
            }
        }
        for (kind, count) in [
            (MediaKind::Audio, receiving.0),
            (MediaKind::Video, receiving.1),
        ] {
            for _ in 0..count {
                changes.add_media(kind, Direction::RecvOnly, None, None, None);
                self.sections += 1;
            }
        }
        let add = |(cid, plan): &(String, TrackPlan)| {
            let (kind, rids) = match plan {
                TrackPlan::Camera(layers) => (MediaKind::Video, layers.as_slice()),
                TrackPlan::Screen(_) => (MediaKind::Video, [].as_slice()),
                TrackPlan::Microphone => (MediaKind::Audio, [].as_slice()),
            };
            let simulcast = (!rids.is_empty()).then(|| {
                let mut simulcast = Simulcast::new();
                for layer in rids {
                    simulcast.add_send_layer(SimulcastLayer::new(layer.rid));
                }
                simulcast
            });
            let stream = Some("stream".to_owned());
            changes.add_media(
                kind,
                Direction::SendOnly,
                stream,
                Some(cid.clone()),
                simulcast,
            )
        };
        let mids = tracks.iter().map(add).collect();
        let offer = changes.apply();
        (mids, self.keep(offer))
    }

    /// Offers new ICE credentials.
    pub(crate) fn offer_restart(&mut self) -> String {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let offer = changes.apply();
        self.keep(offer)
    }

    fn keep(&mut self, offer: Option<(SdpOffer, SdpPendingOffer)>) -> String {
        let Some((offer, pending)) = offer else {
            return String::new();
        };
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes the answer to the last offer. One that nobody waits for is ignored.
    pub(crate) fn accept_answer(&mut self, sdp: &str) -> Result<(), LinkError> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let answer = SdpAnswer::from_sdp_string(sdp)
            .map_err(|error| LinkError::Description(error.into()))?;
        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
        accepted.map_err(LinkError::Description)?;
        self.after_description();
        Ok(())
    }

    /// Answers an offer.
    pub(crate) fn accept_offer(&mut self, sdp: &str) -> Result<String, LinkError> {
        let offer =
            SdpOffer::from_sdp_string(sdp).map_err(|error| LinkError::Description(error.into()))?;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        let answer = answer.map_err(LinkError::Description)?.to_sdp_string();
        self.after_description();
        Ok(answer)
    }

    fn after_description(&mut self) {
        self.reception.learn(&self.rtc);
        // What there is to send is not sent before time passes.
        self.due = Instant::now();
    }
}
