//! Carrying out the commands of signalling on a shard.

use std::time::Instant;

use engine::{CreateSessionError, OfferError, RoomId, SessionConfig, SessionId};

use crate::command::Command;
use crate::handle::SfuError;
use crate::shard::Shard;

impl Shard {
    /// Carries out a command. Whoever asked may have gone meanwhile; then the answer is lost.
    pub(crate) fn handle_command(&mut self, now: Instant, command: Command) {
        let engine = &mut self.engine;
        match command {
            Command::OpenRoom { room, events } => {
                self.queues.open(room, events);
                engine.open_room(room);
            }
            Command::CloseRoom { room } => self.close_room(room),
            Command::CreateSession {
                room,
                session,
                config,
                reply,
            } => {
                let created = self.create_session(now, room, session, config);
                if reply.send(created).is_err() {
                    self.close_session(session);
                }
            }
            Command::Offer {
                session,
                offer,
                reply,
            } => {
                let answer = engine.handle_offer(session, &offer);
                reply.send(answer.map_err(sdp_error)).ok();
            }
            Command::Answer {
                session,
                id,
                sdp,
                reply,
            } => {
                let done = engine.handle_answer(session, id, &sdp);
                reply.send(done.map_err(sdp_error)).ok();
            }
            Command::Candidate { session, candidate } => {
                engine.handle_candidate(session, &candidate);
            }
            Command::RestartIce { session } => engine.restart_ice(session),
            Command::Subscribe {
                session,
                room,
                subscribe,
            } => match room {
                Some(room) => engine.subscribe_across(session, room, subscribe),
                None => engine.subscribe(session, subscribe),
            },
            Command::Switch { session, from, to } => engine.switch(session, from, to),
            Command::Unsubscribe { session, track } => engine.unsubscribe(session, track),
            Command::SetTarget { about, target } => engine.set_target(about.0, about.1, target),
            Command::SetPriority { about, priority } => {
                engine.set_priority(about.0, about.1, priority);
            }
            Command::SetBandwidthCap { session, most } => {
                engine.set_bandwidth_cap(now, session, most);
            }
            Command::SetMuted { track, muted } => engine.set_muted(track, muted),
            Command::Unpublish { track } => engine.unpublish(track),
            Command::SendData {
                session,
                channel,
                data,
            } => engine.send_data(session, channel, data),
            Command::CloseSession { session } => self.close_session(session),
            #[cfg(feature = "testing")]
            Command::Panic => panic!("a test asked for it"),
        }
    }

    fn create_session(
        &mut self,
        now: Instant,
        room: RoomId,
        session: SessionId,
        config: SessionConfig,
    ) -> Result<(), SfuError> {
        if !self.queues.is_open(room) {
            return Err(SfuError::NoSession);
        }
        self.engine
            .create_session(now, room, session, config)
            .map_err(|error| match error {
                CreateSessionError::TooMany(_) => SfuError::Full,
                CreateSessionError::NoRoom | CreateSessionError::Setup => SfuError::NoSession,
            })?;
        self.sessions.insert(session, room);
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        self.load.set_sessions(sessions);
        Ok(())
    }
}

fn sdp_error(error: OfferError) -> SfuError {
    match error {
        OfferError::NoSession => SfuError::NoSession,
        other @ (OfferError::TooLong { .. }
        | OfferError::Malformed(_)
        | OfferError::WrongRole
        | OfferError::Refused(_)) => SfuError::Sdp(other),
    }
}
