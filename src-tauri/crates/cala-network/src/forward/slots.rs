//! Places with numbers, for what an epoll token has to name.

/// A list whose entries keep their number; numbers of removed entries are used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Takes an entry in and says its number.
    pub(super) fn insert(&mut self, entry: T) -> usize {
        if let Some(index) = self.free.pop() {
            self.entries[index] = Some(entry);
            return index;
        }
        self.entries.push(Some(entry));
        self.entries.len() - 1
    }

    /// The entry of a number.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.entries.get_mut(index).and_then(Option::as_mut)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        let entry = self.entries.get_mut(index).and_then(Option::take);
        if entry.is_some() {
            self.free.push(index);
        }
        entry
    }

    /// The numbers whose entries satisfy a condition.
    pub(super) fn indices(&self, condition: impl Fn(&T) -> bool) -> Vec<usize> {
        let chosen =
            |(index, entry): (usize, &Option<T>)| entry.as_ref().filter(|e| condition(e)).map(|_| index);
        self.entries.iter().enumerate().filter_map(chosen).collect()
    }

    /// Numbers are below this.
    pub(super) fn places(&self) -> usize {
        self.entries.len()
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}
