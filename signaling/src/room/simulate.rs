//! Faults on demand, for developers of clients. Only with `--dev`.

use std::time::{Duration, Instant};

use livekit_protocol::SimulateScenario;
use livekit_protocol::simulate_scenario::Scenario;

use super::leave::Departure;
use super::{Room, note};
use crate::ids::ParticipantKey;
use crate::participant::Simulated;

/// How loud a simulated speaker is.
const SIMULATED_LEVEL: f32 = 0.875;

/// Longest simulated speech, and how many there may be.
const SPEECH_SECONDS_MAX: i32 = 60;
const SPEAKERS_MAX: usize = 100;

impl Room {
    /// Plays a fault to the participant who asked for it.
    pub(super) async fn simulate(&mut self, key: ParticipantKey, request: SimulateScenario) {
        if !self.shared.config.dev {
            self.shared.metrics.refuse("simulate");
            return;
        }
        let Some(scenario) = request.scenario else {
            return;
        };
        match scenario {
            Scenario::SpeakerUpdate(seconds) => self.simulate_speech(key, seconds),
            Scenario::NodeFailure(_) => self.remove(key, Departure::SimulatedCrash).await,
            Scenario::Migration(_) => self.remove(key, Departure::SimulatedMigration).await,
            Scenario::ServerLeave(_) => self.remove(key, Departure::SimulatedLeave).await,
            Scenario::LeaveRequestFullReconnect(_) => {
                self.remove(key, Departure::SimulatedReconnect).await;
            }
            Scenario::SwitchCandidateProtocol(_) => {
                let participant = self.participants.get(&key);
                if let Some(session) = participant.and_then(|participant| participant.receiving) {
                    let restarted = self.shared.sfu.restart_ice(session).await;
                    note(restarted, "restart ICE");
                }
            }
            Scenario::DisconnectSignalOnResume(_) => self.plan(key, Simulated::CutAfterResume),
            Scenario::DisconnectSignalOnResumeNoMessages(_) => {
                self.plan(key, Simulated::CutBeforeResume);
            }
            Scenario::SubscriberBandwidth(bits_per_second) => {
                let cap = u64::try_from(bits_per_second).ok().filter(|bits| *bits > 0);
                let participant = self.participants.get(&key);
                if let Some(session) = participant.and_then(|participant| participant.receiving) {
                    let capped = self.shared.sfu.set_bandwidth_cap(session, cap).await;
                    note(capped, "bound the bandwidth");
                }
            }
        }
    }

    fn plan(&mut self, key: ParticipantKey, fault: Simulated) {
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.simulated = fault;
        }
    }

    fn simulate_speech(&mut self, key: ParticipantKey, seconds: i32) {
        if self.simulated_speakers.len() >= SPEAKERS_MAX {
            return;
        }
        let seconds = seconds.clamp(0, SPEECH_SECONDS_MAX).unsigned_abs();
        let end = Instant::now() + Duration::from_secs(u64::from(seconds));
        self.simulated_speakers.push((key, end));
        self.tell_speaker_changes(&[(key, SIMULATED_LEVEL)]);
    }

    /// Lets those fall silent whose time is over.
    pub(super) fn end_simulated_speakers(&mut self, now: Instant) {
        let (over, going): (Vec<_>, Vec<_>) = self
            .simulated_speakers
            .drain(..)
            .partition(|(_, end)| *end <= now);
        self.simulated_speakers = going;
        let silent: Vec<_> = over.into_iter().map(|(key, _)| (key, 0.0)).collect();
        self.tell_speaker_changes(&silent);
    }
}
