//! What to do with a refresh token: rotation that notices theft and tolerates a lost answer.
//!
//! A session's refresh tokens are numbered by generation; each refresh takes the newest one and
//! gives the next. A token that comes a second time was either stolen, or its answer got lost on the
//! way and the client asks again. What tells the two apart is whether anybody ever used what was
//! given out for it: the access token or the refresh token of the generation that followed. If not,
//! the same successor is given out once more; that it is the same (see `secrets::successor`) makes
//! several requests with one token, at once or one after the other, harmless in any order.
//!
//! Invariants:
//! - a token older than the last one but one always ends the session;
//! - once a token of a generation was used, an older refresh token ends the session;
//! - lost answers, however many, end no session.

use jiff::Timestamp;

/// A session as far as refreshing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionState {
    /// The newest generation that was given out; the sign-in gave out 1.
    pub(crate) generation: u32,
    /// The newest generation of which an access token or a refresh token was used; 0 for none.
    pub(crate) used_generation: u32,
    /// The session ends then unless it is refreshed before.
    pub(crate) expires_at: Timestamp,
    /// When it ended, if it did.
    pub(crate) ended_at: Option<Timestamp>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshDecision {
    /// Give out tokens of this generation.
    Issue {
        /// The next one.
        generation: u32,
    },
    /// The answer got lost: give out the newest generation once more.
    Repeat,
    /// The session is over; sign in again.
    Ended,
    /// The token was used before, by somebody else: end the session and tell its owner.
    Reused,
}

/// Decides about a refresh token of generation `presented` at `now`.
pub(crate) fn decide_refresh(
    session: SessionState,
    presented: u32,
    now: Timestamp,
) -> RefreshDecision {
    if session.ended_at.is_some() || session.expires_at <= now {
        return RefreshDecision::Ended;
    }
    if presented >= session.generation {
        let generation = session.generation.saturating_add(1);
        return RefreshDecision::Issue { generation };
    }
    let is_last_but_one = presented.saturating_add(1) == session.generation;
    if is_last_but_one && session.used_generation < session.generation {
        RefreshDecision::Repeat
    } else {
        RefreshDecision::Reused
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn session(generation: u32, used_generation: u32) -> SessionState {
        SessionState {
            generation,
            used_generation,
            expires_at: time(1000),
            ended_at: None,
        }
    }

    #[test]
    fn each_case_has_its_decision() {
        use RefreshDecision::{Issue, Repeat, Reused};
        for (generation, used, presented, expected) in [
            (1, 0, 1, Issue { generation: 2 }),
            (5, 5, 5, Issue { generation: 6 }),
            (5, 4, 5, Issue { generation: 6 }),
            // The answer to 4 got lost: nobody used 5.
            (5, 4, 4, Repeat),
            (2, 0, 1, Repeat),
            // Somebody has used 5: then 4 came from somebody else.
            (5, 5, 4, Reused),
            // Two answers behind: no client that lost one answer asks so.
            (5, 4, 3, Reused),
            (5, 0, 1, Reused),
        ] {
            let decision = decide_refresh(session(generation, used), presented, time(0));
            assert_eq!(decision, expected, "{generation} {used} {presented}");
        }
    }

    #[test]
    fn a_session_that_has_ended_or_expired_gives_nothing() {
        let ended = SessionState {
            ended_at: Some(time(1)),
            ..session(5, 5)
        };

        assert_eq!(decide_refresh(ended, 5, time(0)), RefreshDecision::Ended);
        assert_eq!(decide_refresh(ended, 3, time(0)), RefreshDecision::Ended);
        let at = |now| decide_refresh(session(5, 5), 5, time(now));
        assert_eq!(at(999), RefreshDecision::Issue { generation: 6 });
        assert_eq!(at(1000), RefreshDecision::Ended);
    }

    /// A session with somebody at each end, who uses whatever arrives.
    struct Play {
        state: SessionState,
    }

    impl Play {
        fn new() -> Self {
            let state = session(1, 0);
            Self { state }
        }

        /// Refreshes with a token; gives its successor if there is one and the answer arrives.
        fn refresh(&mut self, presented: u32, arrives: bool) -> Option<u32> {
            let state = &mut self.state;
            match decide_refresh(*state, presented, time(0)) {
                RefreshDecision::Issue { generation } => {
                    state.used_generation = state.used_generation.max(presented);
                    state.generation = generation;
                }
                RefreshDecision::Repeat => {}
                RefreshDecision::Reused => {
                    state.ended_at = Some(time(0));
                    return None;
                }
                RefreshDecision::Ended => return None,
            }
            if arrives {
                state.used_generation = state.generation;
            }
            arrives.then_some(state.generation)
        }

        fn has_ended(&self) -> bool {
            self.state.ended_at.is_some()
        }
    }

    proptest! {
        #[test]
        fn lost_answers_sign_nobody_out(arrivals in prop::collection::vec(any::<bool>(), 1..60)) {
            let (mut play, mut token) = (Play::new(), 1);
            for arrives in arrivals {
                token = play.refresh(token, arrives).unwrap_or(token);
            }
            prop_assert!(!play.has_ended());
        }

        #[test]
        fn a_stolen_token_that_both_use_ends_the_session(before in 0_usize..10, thief_first: bool) {
            let (mut play, mut token) = (Play::new(), 1);
            for _ in 0..before {
                token = play.refresh(token, true).unwrap();
            }
            let (mut owner, mut thief) = (token, token);
            for turn in 0..4 {
                let thiefs = (turn % 2 == 0) == thief_first;
                let token = if thiefs { &mut thief } else { &mut owner };
                if let Some(next) = play.refresh(*token, true) {
                    *token = next;
                }
            }
            prop_assert!(play.has_ended());
        }

        #[test]
        fn only_the_newest_token_and_an_unanswered_one_before_it_give_anything(
            generation in 1_u32..50, used in 0_u32..50, presented in 0_u32..50
        ) {
            let used = used.min(generation);
            match decide_refresh(session(generation, used), presented, time(0)) {
                RefreshDecision::Issue { generation: next } => {
                    prop_assert!(next == generation + 1 && presented >= generation);
                }
                RefreshDecision::Repeat => prop_assert!(presented + 1 == generation && used < generation),
                RefreshDecision::Reused => prop_assert!(presented < generation),
                RefreshDecision::Ended => prop_assert!(false),
            }
        }
    }
}
