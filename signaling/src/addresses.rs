//! How many sockets each address has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Counts sockets, together and by address. Bounded by the total that it allows.
#[derive(Debug)]
pub(crate) struct Sockets {
    by_address: Mutex<HashMap<IpAddr, usize>>,
    total: watch::Sender<usize>,
    per_address_max: usize,
    total_max: usize,
}

/// Why a socket is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketRefused {
    /// This address has too many.
    Address,
    /// The server has too many.
    Total,
}

/// A place for one socket, until it is dropped.
#[derive(Debug)]
pub(crate) struct SocketPlace {
    sockets: Arc<Sockets>,
    address: IpAddr,
}

impl Sockets {
    pub(crate) fn new(per_address_max: usize, total_max: usize) -> Self {
        Self {
            by_address: Mutex::default(),
            total: watch::Sender::new(0),
            per_address_max,
            total_max,
        }
    }

    /// Takes a place for a socket from `address`.
    ///
    /// # Errors
    ///
    /// [`SocketRefused`] if there is none left.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<SocketPlace, SocketRefused> {
        let mut by_address = self.lock();
        if *self.total.borrow() >= self.total_max {
            return Err(SocketRefused::Total);
        }
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address_max {
            return Err(SocketRefused::Address);
        }
        *count += 1;
        self.total.send_modify(|total| *total += 1);
        Ok(SocketPlace {
            sockets: Arc::clone(self),
            address,
        })
    }

    /// Waits until no socket is open.
    pub(crate) async fn all_closed(&self) {
        let mut total = self.total.subscribe();
        // An error would mean that the sender is gone, which is `self`.
        let _ = total.wait_for(|total| *total == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut by_address = self.sockets.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
        self.sockets.total.send_modify(|total| *total -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_limited_by_address_and_in_total_and_come_back() {
        let sockets = Arc::new(Sockets::new(2, 3));
        let [a, b]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let first = sockets.take(a).unwrap();
        let _second = sockets.take(a).unwrap();

        assert_eq!(sockets.take(a).unwrap_err(), SocketRefused::Address);
        let third = sockets.take(b).unwrap();
        assert_eq!(sockets.take(b).unwrap_err(), SocketRefused::Total);
        drop(third);
        drop(first);
        assert!(sockets.take(a).is_ok());
    }

    #[tokio::test]
    async fn closing_waits_for_the_last_socket() {
        let sockets = Arc::new(Sockets::new(2, 3));
        let place = sockets.take([192, 0, 2, 1].into()).unwrap();
        let waiting = tokio::spawn({
            let sockets = Arc::clone(&sockets);
            async move { sockets.all_closed().await }
        });

        drop(place);

        waiting.await.unwrap();
        assert!(sockets.lock().is_empty());
    }
}
