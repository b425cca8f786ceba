//! The probe: a deserializer that shows what the focus needs and notes what it is asked.

use std::cell::RefCell;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Fault, Findings, Kind, Place, Step, Way};

/// Stands in for a file.
pub(super) struct Probe<'a> {
    pub(super) state: &'a RefCell<Findings>,
    pub(super) focus: &'a [Step],
    pub(super) place: Place,
}

impl<'a> Probe<'a> {
    fn below(&self, step: Step) -> Self {
        Self { state: self.state, focus: self.focus, place: [self.place.clone(), vec![step]].concat() }
    }

    /// The step from here towards the focus.
    fn next(&self) -> Option<&'a Step> {
        self.focus.starts_with(&self.place).then(|| self.focus.get(self.place.len())).flatten()
    }

    fn note(&self, kind: Kind) {
        if self.focus == self.place {
            self.state.borrow_mut().kinds.insert(self.place.clone(), kind);
        }
    }

    /// Shows a table with the keys that must be there and the one towards the focus.
    fn table<'de, V: Visitor<'de>>(self, fields: &[String], visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::Table(fields.to_vec()));
        let mut shown: Vec<String> = match self.next() {
            Some(Step::Field(field)) => vec![field.clone()],
            _ => Vec::new(),
        };
        for field in fields {
            let key = (self.place.clone(), field.clone());
            if self.state.borrow().required.contains(&key) && !shown.contains(field) {
                shown.push(field.clone());
            }
        }
        let (state, place) = (self.state, self.place.clone());
        let keys = Keys { probe: self, keys: shown, at: 0 };
        match visitor.visit_map(keys) {
            Err(Fault::Missing(field)) => {
                let new = state.borrow_mut().required.insert((place, field.to_owned()));
                Err(if new { Fault::Again } else { Fault::Other })
            }
            other => other,
        }
    }
}

/// The keys of a table.
struct Keys<'a> {
    probe: Probe<'a>,
    keys: Vec<String>,
    at: usize,
}

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Fault;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(key) = self.keys.get(self.at) else { return Ok(None) };
        self.at += 1;
        seed.deserialize(Key(key)).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let key = self.at.checked_sub(1).and_then(|i| self.keys.get(i)).cloned().unwrap_or_default();
        seed.deserialize(self.probe.below(Step::Field(key)))
    }
}

/// The value of a free table, or the elements of a list.
struct Items<'a> {
    probe: Probe<'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.probe.below(Step::Item)).map(Some)
    }
}

impl<'de> MapAccess<'de> for Items<'_> {
    type Error = Fault;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Key("key")).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.probe.below(Step::Item))
    }
}

/// A key, with a place around it if it asks for one.
struct Key<'a>(&'a str);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.0)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Spanned { fields, at: 0, value: Some(self) })
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A value with its place, as the TOML reader hands it out.
struct Spanned<D> {
    fields: &'static [&'static str],
    at: usize,
    value: Option<D>,
}

impl<'de, D: Deserializer<'de, Error = Fault>> MapAccess<'de> for Spanned<D> {
    type Error = Fault;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(&field) = self.fields.get(self.at) else { return Ok(None) };
        self.at += 1;
        seed.deserialize(BorrowedStrDeserializer::<Fault>::new(field)).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let field = self.at.checked_sub(1).and_then(|i| self.fields.get(i)).copied().unwrap_or_default();
        match self.value.take() {
            Some(value) if field.ends_with("value") => seed.deserialize(value),
            value => {
                self.value = value;
                seed.deserialize(0_usize.into_deserializer())
            }
        }
    }
}

macro_rules! plain {
    ($($ask:ident $visit:ident $value:expr, $kind:expr;)*) => {
        $(fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.note($kind);
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Fault;

    plain! {
        deserialize_bool visit_bool true, Kind::Flag;
        deserialize_i8 visit_i8 1, Kind::Whole { negative: true };
        deserialize_i16 visit_i16 1, Kind::Whole { negative: true };
        deserialize_i32 visit_i32 1, Kind::Whole { negative: true };
        deserialize_i64 visit_i64 1, Kind::Whole { negative: true };
        deserialize_i128 visit_i128 1, Kind::Whole { negative: true };
        deserialize_u8 visit_u8 1, Kind::Whole { negative: false };
        deserialize_u16 visit_u16 1, Kind::Whole { negative: false };
        deserialize_u32 visit_u32 1, Kind::Whole { negative: false };
        deserialize_u64 visit_u64 1, Kind::Whole { negative: false };
        deserialize_u128 visit_u128 1, Kind::Whole { negative: false };
        deserialize_f32 visit_f32 1.0, Kind::Number;
        deserialize_f64 visit_f64 1.0, Kind::Number;
        deserialize_char visit_char 'x', Kind::Text;
        deserialize_str visit_str "x", Kind::Text;
        deserialize_string visit_str "x", Kind::Text;
        deserialize_identifier visit_str "x", Kind::Text;
        deserialize_bytes visit_bytes b"x", Kind::Anything;
        deserialize_byte_buf visit_bytes b"x", Kind::Anything;
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::Unit);
        visitor.visit_unit()
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::Anything);
        visitor.visit_unit()
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.focus == self.place {
            self.state.borrow_mut().optional.insert(self.place.clone());
        }
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::List { length: None });
        let left = usize::from(self.next().is_some());
        visitor.visit_seq(Items { probe: self, left })
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::List { length: Some(length) });
        visitor.visit_seq(Items { probe: self, left: length })
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::FreeTable);
        let left = usize::from(self.next().is_some());
        visitor.visit_map(Items { probe: self, left })
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name.starts_with("$__serde_spanned") {
            return visitor.visit_map(Spanned { fields, at: 0, value: Some(self) });
        }
        let fields: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
        self.table(&fields, visitor)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.note(Kind::Variants(variants));
        let name = match self.next() {
            Some(Step::Variant(name)) => name,
            _ => variants.first().copied().unwrap_or_default(),
        };
        visitor.visit_enum(Variant { probe: self.below(Step::Variant(name)), name })
    }
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.note(Kind::Ways);
        let at = |way: Way| [self.place.clone(), vec![Step::Way(way)]].concat();
        let way = match self.next() {
            Some(Step::Way(way)) => *way,
            _ => {
                let findings = self.state.borrow();
                match Way::ALL.into_iter().find(|&way| !findings.rejected.contains(&at(way))) {
                    Some(way) => way,
                    None => return Err(Fault::Other),
                }
            }
        };
        let (here, state) = (at(way), self.state);
        let probe = self.below(Step::Way(way));
        let result = match way {
            Way::Flag => probe.deserialize_bool(visitor),
            Way::Whole => probe.deserialize_i64(visitor),
            Way::Number => probe.deserialize_f64(visitor),
            Way::Text => probe.deserialize_str(visitor),
            Way::List => probe.deserialize_seq(visitor),
            Way::Table => probe.some_table(visitor),
        };
        let mut findings = state.borrow_mut();
        match result {
            Ok(value) => {
                findings.accepted.insert(here);
                Ok(value)
            }
            Err(Fault::Again) => Err(Fault::Again),
            Err(Fault::Type) => {
                let new = findings.rejected.insert(here);
                Err(if new { Fault::Again } else { Fault::Type })
            }
            Err(other) => {
                // It was read, and found wanting for what it holds.
                findings.accepted.insert(here);
                Err(other)
            }
        }
    }
}

impl Probe<'_> {
    /// A table whose keys only an unknown key brings to light.
    fn some_table<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let known = match self.state.borrow().kinds.get(&self.place) {
            Some(Kind::Table(fields)) => Some(fields.clone()),
            _ => None,
        };
        if let Some(fields) = known {
            return self.table(&fields, visitor);
        }
        let (state, place) = (self.state, self.place.clone());
        self.note(Kind::FreeTable);
        match visitor.visit_map(Items { probe: self, left: 1 }) {
            Err(Fault::Unknown(fields)) => {
                let fields = fields.iter().map(|f| (*f).to_owned()).collect();
                state.borrow_mut().kinds.insert(place, Kind::Table(fields));
                Err(Fault::Again)
            }
            other => other,
        }
    }
}

struct Variant<'a> {
    probe: Probe<'a>,
    name: &'static str,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let value = seed.deserialize(Key(self.name))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;
    fn unit_variant(self) -> Result<(), Fault> {
        self.probe.note(Kind::Unit);
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.probe)
    }
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.probe.deserialize_tuple(length, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let fields: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
        self.probe.table(&fields, visitor)
    }
}
