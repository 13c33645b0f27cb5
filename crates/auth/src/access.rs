//! Who may do what to whom, and whose rows a query may see.
//!
//! [`can`] is the only place that decides it; services ask before they act. What a query may see is
//! a [`Scope`], which only an [`Actor`] makes: a repository function that takes one can't be called
//! without saying whose rows are meant.
//!
//! Invariants:
//! - nobody gets power over an account that has a permission which they lack;
//! - nobody blocks, resets or promotes themselves.

use crate::{Permission, Permissions, UserId};

/// Who is asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// The account; `None` for somebody who is not signed in.
    pub user: Option<UserId>,
    /// What the account may do beyond its own affairs.
    pub permissions: Permissions,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Look at it.
    Read,
    /// Change it: of an account its profile, its password, its sessions.
    Change,
    /// Block an account, or lift that.
    Block,
    /// Make somebody else choose a new password.
    ResetPassword,
    /// Give an account the roles whose permissions are in [`Resource::Account::granted`].
    AssignRoles,
}

/// To what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// An account and all that is its own.
    Account {
        /// Whose.
        owner: UserId,
        /// What that account may do now.
        permissions: &'a Permissions,
        /// What it may do afterwards; the same unless roles are assigned.
        granted: &'a Permissions,
    },
    /// The accounts of this server, as a list.
    Accounts,
    /// The audit log.
    AuditLog,
}

impl Actor {
    /// Makes the actor for an account.
    #[must_use]
    pub fn signed_in(user: UserId, permissions: Permissions) -> Self {
        let user = Some(user);
        Self { user, permissions }
    }

    /// Says whether the actor has `permission`.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        self.user.is_some() && self.permissions.contains(&permission)
    }

    /// Returns the scope of the actor's own rows; `None` if nobody is signed in.
    #[must_use]
    pub fn own(&self) -> Option<Scope> {
        self.user.map(|user| Scope(Rows::Of(user)))
    }

    /// Returns the scope of everybody's rows, for one who `can` do `action` to all of `resource`.
    #[must_use]
    pub fn all(&self, action: Action, resource: Resource<'_>) -> Option<Scope> {
        let is_one = matches!(resource, Resource::Account { .. });
        (!is_one && can(self, action, resource)).then_some(Scope(Rows::All))
    }
}

/// Whose rows a query may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(Rows);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Of(UserId),
    All,
}

impl Scope {
    /// Returns the only account whose rows may be seen; `None` if all may.
    #[must_use]
    pub fn owner(self) -> Option<UserId> {
        match self.0 {
            Rows::Of(user) => Some(user),
            Rows::All => None,
        }
    }

    /// Says whether rows of `user` may be seen.
    #[must_use]
    pub fn has(self, user: UserId) -> bool {
        self.owner().is_none_or(|owner| owner == user)
    }
}

/// Decides whether `actor` may do `action` to `resource`.
#[must_use]
pub fn can(actor: &Actor, action: Action, resource: Resource<'_>) -> bool {
    match resource {
        Resource::Account {
            owner,
            permissions,
            granted,
        } => {
            let is_own = actor.user == Some(owner);
            let outranks = permissions.is_subset(&actor.permissions);
            let may = |permission| !is_own && outranks && actor.has(permission);
            match action {
                Action::Read => is_own || actor.has(Permission::USERS_READ),
                Action::Change => is_own,
                Action::Block => may(Permission::USERS_BLOCK),
                Action::ResetPassword => may(Permission::USERS_RESET_PASSWORD),
                Action::AssignRoles => {
                    may(Permission::ROLES_ASSIGN) && granted.is_subset(&actor.permissions)
                }
            }
        }
        Resource::Accounts => action == Action::Read && actor.has(Permission::USERS_READ),
        Resource::AuditLog => action == Action::Read && actor.has(Permission::AUDIT_READ),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Role;

    const ACTIONS: [Action; 5] = [
        Action::Read,
        Action::Change,
        Action::Block,
        Action::ResetPassword,
        Action::AssignRoles,
    ];

    fn user(number: u128) -> UserId {
        UserId::new(Uuid::from_u128(number))
    }

    fn of(role: Role) -> Permissions {
        Role::permissions_of([role])
    }

    /// What an actor with `role` may do to the account of somebody else with role `target`, who
    /// would get role `granted`.
    fn allowed(role: Role, target: Role, granted: Role) -> Vec<Action> {
        let actor = Actor::signed_in(user(1), of(role));
        let (permissions, granted) = (of(target), of(granted));
        let resource = Resource::Account {
            owner: user(2),
            permissions: &permissions,
            granted: &granted,
        };
        let mut actions = ACTIONS.to_vec();
        actions.retain(|action| can(&actor, *action, resource));
        actions
    }

    #[test]
    fn power_over_others_needs_all_that_they_have() {
        use Action::{AssignRoles, Block, Read, ResetPassword};
        use Role::{Admin, Client, Owner, Professional};
        let everything = [Read, Block, ResetPassword, AssignRoles];
        for (role, target, granted, expected) in [
            (Owner, Owner, Owner, &everything[..]),
            (Owner, Admin, Client, &everything),
            (Owner, Client, Owner, &everything),
            (Admin, Owner, Owner, &[Read]),
            (Admin, Owner, Client, &[Read]),
            (Admin, Admin, Client, &everything),
            (Admin, Client, Professional, &everything),
            (Admin, Client, Admin, &everything),
            (Admin, Client, Owner, &everything[..3]),
            (Professional, Client, Client, &[]),
            (Client, Client, Client, &[]),
        ] {
            let actual = allowed(role, target, granted);
            assert_eq!(actual, expected, "{role} on {target} to {granted}");
        }
    }

    #[test]
    fn everybody_sees_and_changes_their_own_account_and_does_nothing_else_to_it() {
        for role in Role::ALL {
            let permissions = of(*role);
            let actor = Actor::signed_in(user(1), permissions.clone());
            let resource = Resource::Account {
                owner: user(1),
                permissions: &permissions,
                granted: &permissions,
            };
            for action in ACTIONS {
                let expected = matches!(action, Action::Read | Action::Change);
                assert_eq!(can(&actor, action, resource), expected, "{role} {action:?}");
            }
        }
    }

    #[test]
    fn lists_are_read_by_those_who_look_after_them() {
        for role in Role::ALL {
            let actor = Actor::signed_in(user(1), of(*role));
            let expected = matches!(role, Role::Owner | Role::Admin);
            for action in ACTIONS {
                for resource in [Resource::Accounts, Resource::AuditLog] {
                    let expected = expected && action == Action::Read;
                    assert_eq!(can(&actor, action, resource), expected, "{role} {action:?}");
                    assert_eq!(actor.all(action, resource).is_some(), expected);
                }
            }
        }
    }

    #[test]
    fn who_is_not_signed_in_may_nothing_whatever_the_permissions_say() {
        let actor = Actor {
            user: None,
            permissions: of(Role::Owner),
        };
        let none = Permissions::new();
        let account = Resource::Account {
            owner: user(1),
            permissions: &none,
            granted: &none,
        };
        for action in ACTIONS {
            for resource in [account, Resource::Accounts, Resource::AuditLog] {
                assert!(!can(&actor, action, resource), "{action:?} {resource:?}");
            }
        }
        assert_eq!(actor.own(), None);
    }

    #[test]
    fn a_scope_of_ones_own_has_nobody_else_in_it() {
        let actor = Actor::signed_in(user(1), of(Role::Owner));
        let own = actor.own().unwrap();
        let all = actor.all(Action::Read, Resource::Accounts).unwrap();

        assert!(own.has(user(1)) && !own.has(user(2)));
        assert!(all.has(user(1)) && all.has(user(2)));
        assert_eq!((own.owner(), all.owner()), (Some(user(1)), None));
    }

    #[test]
    fn power_over_one_account_opens_no_list() {
        let none = Permissions::new();
        let actor = Actor::signed_in(user(1), of(Role::Owner));
        let one = Resource::Account {
            owner: user(2),
            permissions: &none,
            granted: &none,
        };

        assert_eq!(actor.all(Action::Block, one), None);
    }
}
