//! Bounds-checked access to a flatbuffer: tables, strings and vectors, nothing more.
//!
//! Layout: <https://flatbuffers.dev/internals/>. Offsets of the file are never trusted: every read is checked
//! against the buffer, and a budget bounds the total of what is copied out, because several tables may
//! point to the same long vector.

use std::cell::Cell;

use super::super::error::GraphError;

/// The bytes and what may still be copied out of them.
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    budget: Cell<u64>,
}

/// A table: the position of its fields and of the list that says where each is.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a Buffer<'a>,
    position: usize,
    vtable: usize,
    vtable_bytes: usize,
}

fn malformed(reason: String) -> GraphError {
    GraphError::Decode { format: "TFLite", reason }
}

/// Scalars that vectors and fields hold.
pub(super) trait Scalar: Sized {
    /// Width in bytes.
    const WIDTH: usize;
    /// Reads from exactly [`Self::WIDTH`] bytes, little-endian.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! scalar {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const WIDTH: usize = size_of::<$type>();
            fn read(bytes: &[u8]) -> Option<Self> {
                Some(<$type>::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
scalar!(u8, i8, u16, u32, i32, i64, u64, f32);

impl<'a> Buffer<'a> {
    /// Wraps the bytes of a file. Copies may total sixteen times its size.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, budget: Cell::new((bytes.len() as u64).saturating_mul(16).saturating_add(1 << 16)) }
    }

    fn scalar<T: Scalar>(&self, position: usize) -> Result<T, GraphError> {
        position
            .checked_add(T::WIDTH)
            .and_then(|end| self.bytes.get(position..end))
            .and_then(T::read)
            .ok_or_else(|| {
                malformed(format!("the file ends before byte {position}, where a number should be"))
            })
    }

    fn spend(&self, bytes: u64) -> Result<(), GraphError> {
        match self.budget.get().checked_sub(bytes) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(malformed("its parts add up to far more than the file holds".to_owned())),
        }
    }

    /// The position that the offset at `position` points to.
    fn follow(&self, position: usize) -> Result<usize, GraphError> {
        let offset = self.scalar::<u32>(position)?;
        match position.checked_add(offset as usize) {
            Some(target) if offset != 0 && target < self.bytes.len() => Ok(target),
            _ => Err(malformed(format!("the offset at byte {position} points outside the file"))),
        }
    }

    /// The root table.
    pub(super) fn root(&'a self) -> Result<Table<'a>, GraphError> {
        self.table(self.follow(0)?)
    }

    fn table(&'a self, position: usize) -> Result<Table<'a>, GraphError> {
        self.spend(1)?;
        let back = self.scalar::<i32>(position)?;
        let vtable = i64::try_from(position).ok().and_then(|p| p.checked_sub(i64::from(back)));
        let vtable = vtable
            .and_then(|v| usize::try_from(v).ok())
            .ok_or_else(|| malformed(format!("the table at byte {position} has no list of fields")))?;
        let vtable_bytes = usize::from(self.scalar::<u16>(vtable)?);
        if vtable_bytes < 4 || vtable.checked_add(vtable_bytes).is_none_or(|end| end > self.bytes.len()) {
            return Err(malformed(format!("the list of fields at byte {vtable} is broken")));
        }
        Ok(Table { buffer: self, position, vtable, vtable_bytes })
    }

    /// Start of the elements and their number, for the vector at `position`.
    fn vector(&self, position: usize, width: usize) -> Result<(usize, usize), GraphError> {
        let length = self.scalar::<u32>(position)? as usize;
        let start = position.saturating_add(4);
        let end = length.checked_mul(width).and_then(|bytes| start.checked_add(bytes));
        if end.is_none_or(|end| end > self.bytes.len()) {
            return Err(malformed(format!("the vector at byte {position} is longer than the file")));
        }
        Ok((start, length))
    }
}

impl<'a> Table<'a> {
    /// Where field `slot` is, or `None` when the file leaves it at its default.
    fn field(&self, slot: usize) -> Result<Option<usize>, GraphError> {
        let entry = slot.saturating_mul(2).saturating_add(4);
        if entry.saturating_add(2) > self.vtable_bytes {
            return Ok(None);
        }
        let offset = usize::from(self.buffer.scalar::<u16>(self.vtable.saturating_add(entry))?);
        Ok((offset != 0).then(|| self.position.saturating_add(offset)))
    }

    /// A number, `default` when the file leaves it out.
    pub(super) fn scalar<T: Scalar>(&self, slot: usize, default: T) -> Result<T, GraphError> {
        match self.field(slot)? {
            Some(position) => self.buffer.scalar(position),
            None => Ok(default),
        }
    }

    /// A table, if present.
    pub(super) fn table(&self, slot: usize) -> Result<Option<Table<'a>>, GraphError> {
        match self.field(slot)? {
            Some(position) => Ok(Some(self.buffer.table(self.buffer.follow(position)?)?)),
            None => Ok(None),
        }
    }

    /// A vector of numbers, empty when absent.
    pub(super) fn numbers<T: Scalar>(&self, slot: usize) -> Result<Vec<T>, GraphError> {
        let Some(position) = self.field(slot)? else { return Ok(Vec::new()) };
        let (start, length) = self.buffer.vector(self.buffer.follow(position)?, T::WIDTH)?;
        self.buffer.spend((length as u64).saturating_mul(T::WIDTH as u64))?;
        (0..length).map(|i| self.buffer.scalar(start.saturating_add(i.saturating_mul(T::WIDTH)))).collect()
    }

    /// Number of elements of a vector of bytes.
    pub(super) fn byte_length(&self, slot: usize) -> Result<usize, GraphError> {
        let Some(position) = self.field(slot)? else { return Ok(0) };
        Ok(self.buffer.vector(self.buffer.follow(position)?, 1)?.1)
    }

    /// A vector of tables, empty when absent.
    pub(super) fn tables(&self, slot: usize) -> Result<Vec<Table<'a>>, GraphError> {
        let Some(position) = self.field(slot)? else { return Ok(Vec::new()) };
        let (start, length) = self.buffer.vector(self.buffer.follow(position)?, 4)?;
        self.buffer.spend((length as u64).saturating_mul(4))?;
        (0..length)
            .map(|i| {
                let element = start.saturating_add(i.saturating_mul(4));
                self.buffer.table(self.buffer.follow(element)?)
            })
            .collect()
    }

    /// A string, empty when absent; invalid UTF-8 is replaced.
    pub(super) fn text(&self, slot: usize) -> Result<String, GraphError> {
        Ok(String::from_utf8_lossy(&self.numbers::<u8>(slot)?).into_owned())
    }
}
