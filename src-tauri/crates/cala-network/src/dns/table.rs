//! A table whose keys are never given twice, so that an event that comes late finds nothing.

/// The number of an entry: its place, and how often the place had been used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    place: u32,
    round: u32,
}

/// Bits of a key that say its place.
const PLACE_BITS: u32 = 24;

impl Key {
    /// Fits into 56 bits.
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.round) << PLACE_BITS | u64::from(self.place)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        let place = u32::try_from(bits & ((1 << PLACE_BITS) - 1)).unwrap_or(0);
        let round = u32::try_from(bits >> PLACE_BITS & u64::from(u32::MAX)).unwrap_or(0);
        Self { place, round }
    }
}

#[derive(Debug)]
struct Place<T> {
    round: u32,
    entry: Option<T>,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, entry: T) -> Key {
        if let Some(place) = self.free.pop()
            && let Some(free) = self.places.get_mut(place as usize)
        {
            free.entry = Some(entry);
            return Key { place, round: free.round };
        }
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place { round: 0, entry: Some(entry) });
        Key { place, round: 0 }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.place as usize).filter(|place| place.round == key.round)?;
        place.entry.as_mut()
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.place as usize).filter(|place| place.round == key.round)?;
        let entry = place.entry.take()?;
        place.round = place.round.wrapping_add(1);
        self.free.push(key.place);
        Some(entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        (0..).zip(&self.places).filter_map(|(number, place)| {
            Some((Key { place: number, round: place.round }, place.entry.as_ref()?))
        })
    }
}
