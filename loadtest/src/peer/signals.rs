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

/// Sections to receive audio and video with that a single connection begins with.
const FIRST_SECTIONS: (u32, u32) = (1, 1);

/// Sections of a single connection; more are not offered.
const SECTIONS_MAX: u32 = 1000;

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
                let is_viewer = requests.is_empty();
                for request in requests {
                    self.say(request);
                }
                if self.setting.is_single && is_viewer {
                    self.want_sections(FIRST_SECTIONS, now, registry)
                } else {
                    Ok(())
                }
            }
            Response::Reconnect(_) => self.handle_resumed(now, totals),
            Response::TrackPublished(response) => {
                let mut publications = self.publications.iter_mut();
                publications.any(|publication| publication.accept(&response));
                self.offer_when_complete(now, registry)
            }
            Response::Offer(offer) => self.handle_offer(now, offer, registry),
            Response::Answer(answer) => self.handle_answer(now, answer, registry),
            Response::MediaSectionsRequirement(wanted) => {
                // Nothing more means that a new offer is enough; it needs something to offer.
                let wanted = (wanted.num_audios, wanted.num_videos);
                let wanted = if wanted == (0, 0) { (1, 0) } else { wanted };
                self.want_sections(wanted, now, registry)
            }
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

    fn offer_when_complete(&mut self, now: Instant, registry: &Registry) -> Result<(), LinkError> {
        let is_complete = self.publications.iter().all(Publication::is_accepted);
        if !is_complete || self.links[PUBLISHER].is_some() {
            return Ok(());
        }
        if self.setting.is_single {
            self.wanted = FIRST_SECTIONS;
        }
        let tracks: Vec<_> = self
            .publications
            .iter()
            .map(Publication::described)
            .collect();
        let wanted = self.wanted;
        let Some(link) = self.link(PUBLISHER, now, registry) else {
            return Ok(());
        };
        let sdp = link.offer_tracks(now, &tracks, wanted)?;
        for (number, publication) in self.publications.iter_mut().enumerate() {
            publication.place(number);
        }
        self.wanted = (0, 0);
        self.offer(sdp);
        Ok(())
    }

    fn offer(&mut self, sdp: String) {
        self.last_offer = sdp;
        if let Some(offer) = requests::description("offer", &self.last_offer, 1) {
            self.say(Request::Offer(offer));
        }
    }

    /// Offers more sections to receive with; one offer at a time.
    fn want_sections(
        &mut self,
        more: (u32, u32),
        now: Instant,
        registry: &Registry,
    ) -> Result<(), LinkError> {
        self.wanted.0 = (self.wanted.0 + more.0).min(SECTIONS_MAX);
        self.wanted.1 = (self.wanted.1 + more.1).min(SECTIONS_MAX);
        // Who publishes offers first when all tracks are known.
        let is_early = self.links[PUBLISHER].is_none() && !self.publications.is_empty();
        if is_early || self.wanted == (0, 0) {
            return Ok(());
        }
        let wanted = self.wanted;
        let Some(link) = self.link(PUBLISHER, now, registry) else {
            return Ok(());
        };
        if link.is_offering() || link.sections() >= SECTIONS_MAX {
            return Ok(());
        }
        let sdp = link.offer_tracks(now, &[], wanted)?;
        self.wanted = (0, 0);
        self.offer(sdp);
        Ok(())
    }

    fn handle_answer(
        &mut self,
        now: Instant,
        answer: SessionDescription,
        registry: &Registry,
    ) -> Result<(), LinkError> {
        if let Some(link) = &mut self.links[PUBLISHER] {
            link.accept_answer(now, &answer.sdp)?;
        }
        if self.setting.is_single {
            self.learn_offered(answer);
            self.look(self.at(now));
            self.want_sections((0, 0), now, registry)?;
        }
        Ok(())
    }

    /// Learns which tracks of others a description of the server carries.
    fn learn_offered(&mut self, description: SessionDescription) {
        self.last_offered = description.sdp;
        for sid in description.mid_to_track_id.values() {
            self.last_offered.push_str(sid);
        }
        for (sid, track) in &mut self.others {
            track.is_offered |= self.last_offered.contains(sid);
        }
    }

    fn handle_offer(
        &mut self,
        now: Instant,
        offer: SessionDescription,
        registry: &Registry,
    ) -> Result<(), LinkError> {
        let Some(link) = self.link(SUBSCRIBER, now, registry) else {
            return Ok(());
        };
        let sdp = link.accept_offer(now, &offer.sdp)?;
        self.last_answer.clone_from(&sdp);
        if let Some(answer) = requests::description("answer", &sdp, offer.id) {
            self.say(Request::Answer(answer));
        }
        self.learn_offered(offer);
        self.look(self.at(now));
        Ok(())
    }

    fn handle_trickle(&mut self, now: Instant, trickle: &TrickleRequest, registry: &Registry) {
        let number = match trickle.target() {
            SignalTarget::Publisher => PUBLISHER,
            SignalTarget::Subscriber => self.receiver(),
        };
        let Ok(init) = serde_json::from_str::<CandidateInit>(&trickle.candidate_init) else {
            return;
        };
        if let Some(link) = self.link(number, now, registry) {
            link.add_candidate(now, &init.candidate);
        }
    }

    fn handle_resumed(&mut self, now: Instant, totals: &mut Totals) -> Result<(), LinkError> {
        if let Stage::Resuming(since) = self.stage {
            self.stage = Stage::Active;
            totals.count(Counter::Resumed);
            totals.time(Timing::Resume, now.saturating_duration_since(since));
        }
        let sync = self.sync_state();
        self.say(Request::SyncState(sync));
        if let Some(link) = &mut self.links[PUBLISHER] {
            let sdp = link.offer_restart(now)?;
            self.offer(sdp);
        }
        Ok(())
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
                for link in self.links.iter_mut().flatten() {
                    link.reception().forget(publisher);
                }
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
