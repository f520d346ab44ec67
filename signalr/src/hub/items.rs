//! Untyped per-connection state.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Values that live as long as a connection, one of each type.
///
/// The typed session is the better place for a hub's own state; this map is for code that does not know the hub, such as
/// middleware. Holds no memory until the first insert.
///
/// # Example
///
/// ```
/// # use signalr::{Context, hub};
/// #[derive(Clone)]
/// struct Visits(u32);
///
/// # struct Counter;
/// # #[hub]
/// # impl Counter {
/// pub fn visit(&self, cx: &Context<Self>) -> u32 {
///     let visits = cx.items().get::<Visits>().map_or(0, |visits| visits.0) + 1;
///     cx.items().insert(Visits(visits));
///     visits
/// }
/// # }
/// ```
#[derive(Default)]
pub struct Items(Mutex<Option<Box<Map>>>);

type Map = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

impl Items {
    /// Puts a value in and returns the one of the same type that was there.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<T> {
        let old = self
            .lock()
            .get_or_insert_default()
            .insert(TypeId::of::<T>(), Box::new(value));
        old.and_then(unbox)
    }

    /// A copy of the value of type `T`.
    #[must_use]
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        let items = self.lock();
        let value = items.as_ref()?.get(&TypeId::of::<T>())?;
        value.downcast_ref::<T>().cloned()
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<T> {
        let old = self.lock().as_mut()?.remove(&TypeId::of::<T>());
        old.and_then(unbox)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Map>>> {
        // A user's `Clone` may panic while the lock is held; the map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unbox<T: 'static>(value: Box<dyn Any + Send + Sync>) -> Option<T> {
    value.downcast().ok().map(|value| *value)
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lock().as_ref().map_or(0, |items| items.len());
        write!(f, "Items({count})")
    }
}
