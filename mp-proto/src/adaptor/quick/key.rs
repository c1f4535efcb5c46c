//! Words: keys of maps and tags of enums.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};

use super::{Flag, GivenUp, Names, Read};

/// The most names that are looked through for a word; to see whether a word is UTF-8 takes less than looking at many.
const FEW: usize = 24;

/// A key or tag, in UTF-8 if it is a text at all.
#[derive(Clone, Copy)]
pub(super) struct Key<'a, 'f> {
    pub(super) bytes: &'a [u8],
    /// What it may be.
    pub(super) names: Names,
    pub(super) flag: Flag<'f>,
}

impl<'a> Key<'a, '_> {
    #[inline(always)]
    fn text(self) -> Read<&'a str> {
        self.flag.taken(std::str::from_utf8(self.bytes).ok())
    }

    /// Shows the word to a type that most likely knows it. That one of its names is UTF-8 need not be seen.
    #[inline(always)]
    fn show<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        for name in self.names.iter().take(FEW) {
            if name.as_bytes() == self.bytes {
                return visitor.visit_str(name);
            }
        }
        visitor.visit_str(self.text()?)
    }
}

/// Methods for numbers, of which a key has the decimal digits.
macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            let number = self.text()?.parse::<i128>().ok().and_then(|number| <$integer>::try_from(number).ok());
            visitor.$visit(self.flag.taken(number)?)
        }
    )*};
}

/// Methods for what is rare as a key.
macro_rules! given_up {
    ($($method:ident($($ignored:ty),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $(_: $ignored,)* _: V) -> Read<V::Value> {
            Err(self.flag.give_up())
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_, '_> {
    type Error = GivenUp;

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
    }

    #[inline(always)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.show(visitor)
    }

    #[inline(always)]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.text()?;
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_some(self)
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, names: Names, visitor: V) -> Read<V::Value> {
        visitor.visit_enum(Self { names, ..self })
    }

    serde::forward_to_deserialize_any! { char str string identifier }

    given_up! {
        deserialize_bool(); deserialize_f32(); deserialize_f64(); deserialize_bytes(); deserialize_byte_buf();
        deserialize_unit(); deserialize_unit_struct(&'static str); deserialize_seq(); deserialize_tuple(usize);
        deserialize_tuple_struct(&'static str, usize); deserialize_map(); deserialize_struct(&'static str, Names);
    }
}

/// An enum that is its tag alone.
impl<'de, 'f> EnumAccess<'de> for Key<'_, 'f> {
    type Error = GivenUp;
    type Variant = Alone<'f>;

    #[inline(always)]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Read<(S::Value, Alone<'f>)> {
        Ok((seed.deserialize(self)?, Alone(self.flag)))
    }
}

/// The fields of a variant that has none.
pub(super) struct Alone<'f>(Flag<'f>);

impl<'de> VariantAccess<'de> for Alone<'_> {
    type Error = GivenUp;

    #[inline(always)]
    fn unit_variant(self) -> Read<()> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Read<S::Value> {
        Err(self.0.give_up())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Read<V::Value> {
        Err(self.0.give_up())
    }

    fn struct_variant<V: Visitor<'de>>(self, _: Names, _: V) -> Read<V::Value> {
        Err(self.0.give_up())
    }
}
