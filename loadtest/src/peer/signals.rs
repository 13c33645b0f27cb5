//! What a peer does with the server's messages.

use std::time::Instant;

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    ParticipantInfo, SessionDescription, SignalTarget, TrackType, TrickleRequest, participant_info,
};
use mio::Registry;
use serde::Deserialize;

use crate::measure::{Counter, Timing, Totals};

use super::link::LinkError;
use super::publication::Publication;
use super::{OtherTrack, PUBLISHER, Peer, SUBSCRIBER, Stage, TRACKS_MAX, requests};

/// The one field of a candidate's JSON that matters: everything is bundled.
#[derive(Debug, Deserialize)]
struct CandidateInit {
    #[serde(default)]
    candidate: String,
}

/// The name that a peer has on the server.
pub(crate) fn identity(seat: usize, number: u32) -> String {
    format!("seat{seat}-{number}")
}

/// Reads seat and number from a name; nothing for somebody who isn't ours.
fn read_identity(identity: &str) -> Option<(usize, u32)> {
    let (seat, number) = identity.strip_prefix("seat")?.split_once('-')?;
    Some((seat.parse().ok()?, number.parse().ok()?))
}

impl Peer {
    /// Handles a message of the server.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the protocol has more messages than a load needs"
    )]
    pub(crate) fn handle_signal(
        &mut self,
        now: Instant,
        message: Response,
        registry: &Registry,
        totals: &mut Totals,
    ) {
        let outcome = match message {
            Response::Join(join) => {
                totals.time(Timing::Signal, now.saturating_duration_since(self.started));
                self.sid = join.participant.map(|info| info.sid).unwrap_or_default();
                self.meet(join.other_participants);
                let requests: Vec<Request> = self
                    .publications
                    .iter()
                    .map(|publication| Request::AddTrack(publication.request()))
                    .collect();
                for request in requests {
                    self.say(request);
                }
                Ok(())
            }
            Response::Reconnect(_) => {
                self.handle_resumed(now, totals);
                Ok(())
            }
            Response::TrackPublished(response) => {
                let mut publications = self.publications.iter_mut();
                publications.any(|publication| publication.accept(&response));
                self.offer_when_complete(now, registry);
                Ok(())
            }
            Response::Offer(offer) => self.handle_offer(now, &offer, registry),
            Response::Answer(answer) => match &mut self.links[PUBLISHER] {
                Some(link) => link.accept_answer(&answer.sdp),
                None => Ok(()),
            },
            Response::Trickle(trickle) => {
                self.handle_trickle(now, &trickle, registry);
                Ok(())
            }
            Response::Update(update) => {
                self.meet(update.participants);
                self.look(self.at(now));
                Ok(())
            }
            Response::SubscribedQualityUpdate(update) if self.setting.dynacast => {
                for publication in &mut self.publications {
                    publication.follow_demand(&update);
                }
                Ok(())
            }
            Response::Leave(_) => {
                self.lose(now, registry, totals);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = outcome {
            self.fail(now, &error, registry, totals);
        }
    }

    /// The signalling connection is gone and nobody meant it to be.
    pub(crate) fn handle_closed(&mut self, now: Instant, registry: &Registry, totals: &mut Totals) {
        self.lose(now, registry, totals);
    }

    fn offer_when_complete(&mut self, now: Instant, registry: &Registry) {
        let is_complete = self.publications.iter().all(Publication::is_accepted);
        if !is_complete || self.links[PUBLISHER].is_some() {
            return;
        }
        let tracks: Vec<_> = self
            .publications
            .iter()
            .map(Publication::described)
            .collect();
        let Some(link) = self.link(PUBLISHER, now, registry) else {
            return;
        };
        let (mids, sdp) = link.offer_tracks(&tracks);
        for (publication, mid) in self.publications.iter_mut().zip(mids) {
            publication.place(mid);
        }
        self.last_offer.clone_from(&sdp);
        if let Some(offer) = requests::description("offer", &sdp, 1) {
            self.say(Request::Offer(offer));
        }
    }

    fn handle_offer(
        &mut self,
        now: Instant,
        offer: &SessionDescription,
        registry: &Registry,
    ) -> Result<(), LinkError> {
        let Some(link) = self.link(SUBSCRIBER, now, registry) else {
            return Ok(());
        };
        let sdp = link.accept_offer(&offer.sdp)?;
        self.last_answer.clone_from(&sdp);
        if let Some(answer) = requests::description("answer", &sdp, offer.id) {
            self.say(Request::Answer(answer));
        }
        self.last_offered.clone_from(&offer.sdp);
        for (sid, track) in &mut self.others {
            track.is_offered |= offer.sdp.contains(sid);
        }
        self.look(self.at(now));
        Ok(())
    }

    fn handle_trickle(&mut self, now: Instant, trickle: &TrickleRequest, registry: &Registry) {
        let number = match trickle.target() {
            SignalTarget::Publisher => PUBLISHER,
            SignalTarget::Subscriber => SUBSCRIBER,
        };
        let Ok(init) = serde_json::from_str::<CandidateInit>(&trickle.candidate_init) else {
            return;
        };
        if let Some(link) = self.link(number, now, registry) {
            link.add_candidate(&init.candidate);
        }
    }

    fn handle_resumed(&mut self, now: Instant, totals: &mut Totals) {
        if let Stage::Resuming(since) = self.stage {
            self.stage = Stage::Active;
            totals.count(Counter::Resumed);
            totals.time(Timing::Resume, now.saturating_duration_since(since));
        }
        let sync = self.sync_state();
        self.say(Request::SyncState(sync));
        if let Some(link) = &mut self.links[PUBLISHER] {
            let sdp = link.offer_restart();
            self.last_offer.clone_from(&sdp);
            if let Some(offer) = requests::description("offer", &sdp, 2) {
                self.say(Request::Offer(offer));
            }
        }
    }

    /// Remembers the tracks of others, and forgets those of who has left.
    fn meet(&mut self, participants: Vec<ParticipantInfo>) {
        for info in participants {
            let Some((seat, publisher)) = read_identity(&info.identity) else {
                continue;
            };
            if publisher == self.plan().number {
                continue;
            }
            if info.state() == participant_info::State::Disconnected {
                self.others.retain(|_, track| track.publisher != publisher);
                continue;
            }
            for track in info.tracks {
                if self.others.len() >= TRACKS_MAX {
                    break;
                }
                let is_video = track.r#type() == TrackType::Video;
                let is_offered = self.last_offered.contains(&track.sid);
                self.others.entry(track.sid).or_insert(OtherTrack {
                    publisher,
                    seat,
                    is_video,
                    is_offered,
                    tile: None,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_seat_and_number() {
        assert_eq!(read_identity(&identity(3, 77)), Some((3, 77)));
        assert_eq!(read_identity("ana"), None);
        assert_eq!(read_identity("seat3-x"), None);
    }
}
