//! Permissions, and the roles that bundle them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Something that an account may do beyond its own affairs: one word of a closed list, such as
/// `users.block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(&'static str);

/// The word is no permission.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no permission `{0}`")]
pub struct UnknownPermission(String);

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        impl Permission {
            $($(#[$doc])* pub const $name: Self = Self($word);)+

            /// Every permission that there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

permissions! {
    /// See the accounts of others, with their e-mail addresses.
    USERS_READ = "users.read";
    /// Block and unblock accounts.
    USERS_BLOCK = "users.block";
    /// Send somebody a link to set a new password, and end all their sessions.
    USERS_RESET_PASSWORD = "users.reset-password";
    /// Give and take roles.
    ROLES_ASSIGN = "roles.assign";
    /// Read the audit log.
    AUDIT_READ = "audit.read";
    /// Change what holds for the whole server. Only owners have it, so that nobody else has power over them.
    SERVER_MANAGE = "server.manage";
    /// Offer services and classes, and host their rooms.
    SERVICES_OFFER = "services.offer";
    /// Book services and classes, and enter their rooms.
    BOOKINGS_MAKE = "bookings.make";
}

impl Permission {
    /// Returns the word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(word: &str) -> Result<Self, UnknownPermission> {
        let mut all = Self::ALL.iter().copied();
        all.find(|permission| permission.0 == word)
            .ok_or_else(|| UnknownPermission(word.to_owned()))
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// Several permissions.
pub type Permissions = BTreeSet<Permission>;

/// A role that every installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Whoever set the server up: everything.
    Owner,
    /// Looks after people and what they do here.
    Admin,
    /// Offers services and classes.
    Professional,
    /// Books them. What every new account is.
    Client,
}

/// The word is no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no role `{0}`")]
pub struct UnknownRole(String);

impl Role {
    /// Every built-in role, the mightiest first.
    pub const ALL: &'static [Self] = &[Self::Owner, Self::Admin, Self::Professional, Self::Client];

    /// Returns its name, as it is stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Professional => "professional",
            Self::Client => "client",
        }
    }

    /// Returns what those who have it may do.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner => Permission::ALL,
            Self::Admin => &[
                Permission::USERS_READ,
                Permission::USERS_BLOCK,
                Permission::USERS_RESET_PASSWORD,
                Permission::ROLES_ASSIGN,
                Permission::AUDIT_READ,
                Permission::SERVICES_OFFER,
                Permission::BOOKINGS_MAKE,
            ],
            Self::Professional => &[Permission::SERVICES_OFFER, Permission::BOOKINGS_MAKE],
            Self::Client => &[Permission::BOOKINGS_MAKE],
        }
    }

    /// Returns what those may do who have all of `roles`.
    pub fn permissions_of(roles: impl IntoIterator<Item = Self>) -> Permissions {
        let sets = roles.into_iter().map(Self::permissions);
        sets.flatten().copied().collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        let mut all = Self::ALL.iter().copied();
        all.find(|role| role.as_str() == name)
            .ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_word_of_its_own_and_is_found_by_it() {
        let words: BTreeSet<&str> = Permission::ALL.iter().map(|one| one.as_str()).collect();

        assert_eq!(words.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
            let json = serde_json::to_string(permission).unwrap();
            assert_eq!(
                serde_json::from_str::<Permission>(&json).unwrap(),
                *permission
            );
        }
        assert!("users.fly".parse::<Permission>().is_err());
        assert!(serde_json::from_str::<Permission>("\"users.fly\"").is_err());
    }

    #[test]
    fn every_role_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert!("Owner".parse::<Role>().is_err());
    }

    #[test]
    fn roles_give_what_their_table_says() {
        let gives = |role: Role, permission| role.permissions().contains(&permission);
        for (permission, roles) in [
            (Permission::USERS_READ, "owner admin"),
            (Permission::USERS_BLOCK, "owner admin"),
            (Permission::USERS_RESET_PASSWORD, "owner admin"),
            (Permission::ROLES_ASSIGN, "owner admin"),
            (Permission::AUDIT_READ, "owner admin"),
            (Permission::SERVER_MANAGE, "owner"),
            (Permission::SERVICES_OFFER, "owner admin professional"),
            (Permission::BOOKINGS_MAKE, "owner admin professional client"),
        ] {
            for role in Role::ALL {
                let expected = roles.split(' ').any(|name| name == role.as_str());
                assert_eq!(gives(*role, permission), expected, "{role} {permission}");
            }
        }
    }

    #[test]
    fn several_roles_give_what_each_gives() {
        assert_eq!(
            Role::permissions_of([Role::Client, Role::Professional]),
            Permissions::from_iter([Permission::SERVICES_OFFER, Permission::BOOKINGS_MAKE])
        );
        assert!(Role::permissions_of([]).is_empty());
    }
}
