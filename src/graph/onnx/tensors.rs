//! Element types, shapes and the content of small constants.

use super::messages::TensorProto;
use super::options::{MAX_ELEMENTS, MAX_RANK};
use crate::diagnostics::printable;
use crate::graph::error::GraphError;
use crate::graph::model::{ConstantData, ElementType};

/// Contents of constants with at most this many elements are kept; parameters of Reshape, Slice, Resize
/// and the like are far below it, weights mostly above.
pub(crate) const KEPT_ELEMENTS: u64 = 4096;

/// The element type with number `data_type` of `TensorProto.DataType`.
pub(crate) fn element_type(tensor: &str, data_type: i32) -> Result<ElementType, GraphError> {
    let refuse = |element: String| Err(GraphError::ElementType { tensor: printable(tensor), element });
    Ok(match data_type {
        1 => ElementType::F32,
        2 => ElementType::U8,
        3 => ElementType::I8,
        4 => ElementType::U16,
        5 => ElementType::I16,
        6 => ElementType::I32,
        7 => ElementType::I64,
        9 => ElementType::Bool,
        10 => ElementType::F16,
        11 => ElementType::F64,
        12 => ElementType::U32,
        13 => ElementType::U64,
        16 => ElementType::BF16,
        21 => ElementType::U4,
        22 => ElementType::I4,
        8 => return refuse("string".to_owned()),
        14 | 15 => return refuse("complex".to_owned()),
        17..=20 => return refuse("float8".to_owned()),
        other => return refuse(format!("number {other} of TensorProto.DataType")),
    })
}

/// Checks the number and product of `dims`.
pub(crate) fn check_shape(tensor: &str, dims: &[u64]) -> Result<(), GraphError> {
    let limit = |what: &str, value, limit| {
        Err(GraphError::Limit { what: format!("{what} of tensor `{}`", printable(tensor)), value, limit })
    };
    if dims.len() > MAX_RANK {
        return limit("the number of dimensions", dims.len() as u64, MAX_RANK as u64);
    }
    let elements = dims.iter().filter(|&&d| d > 0).fold(1u64, |n, &d| n.saturating_mul(d));
    if elements > MAX_ELEMENTS {
        return limit("the number of elements", elements, MAX_ELEMENTS);
    }
    Ok(())
}

/// The shape of a stored tensor.
pub(super) fn stored_shape(tensor: &TensorProto) -> Result<Vec<u64>, GraphError> {
    let shape = tensor
        .dims
        .iter()
        .map(|&d| {
            u64::try_from(d).map_err(|_| GraphError::Malformed {
                reason: format!("stored tensor `{}` has a dimension of size {d}", printable(&tensor.name)),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    check_shape(&tensor.name, &shape)?;
    Ok(shape)
}

/// The content of a stored tensor if it is present and small; external data are never loaded.
pub(super) fn content(
    tensor: &TensorProto,
    element: ElementType,
    shape: &[u64],
) -> Result<Option<ConstantData>, GraphError> {
    let elements = shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    let wrong_length = |field: &str, found: usize, expected: u64| GraphError::Malformed {
        reason: format!(
            "stored tensor `{}` has {found} entries of {field} for {expected} expected",
            printable(&tensor.name)
        ),
    };
    if tensor.data_location == 1 {
        return Ok(None);
    }
    let bytes = elements.saturating_mul(element.bits()).div_ceil(8);
    if !tensor.raw_data.is_empty() {
        if tensor.raw_data.len() as u64 != bytes {
            return Err(wrong_length("raw_data", tensor.raw_data.len(), bytes));
        }
        return Ok(
            (elements <= KEPT_ELEMENTS).then(|| from_raw(&tensor.raw_data, element, elements as usize))
        );
    }
    if elements > KEPT_ELEMENTS {
        return Ok(None);
    }
    if elements == 0 {
        return Ok(Some(empty(element)));
    }
    let expected = if matches!(element, ElementType::I4 | ElementType::U4) { bytes } else { elements };
    let check = |found: usize, field: &str| {
        if found as u64 == expected { Ok(()) } else { Err(wrong_length(field, found, expected)) }
    };
    let ints = &tensor.int32_data;
    Ok(Some(match element {
        ElementType::F32 if !tensor.float_data.is_empty() => {
            check(tensor.float_data.len(), "float_data")?;
            ConstantData::Floats(tensor.float_data.iter().map(|&x| f64::from(x)).collect())
        }
        ElementType::F64 if !tensor.double_data.is_empty() => {
            check(tensor.double_data.len(), "double_data")?;
            ConstantData::Floats(tensor.double_data.clone())
        }
        ElementType::I64 if !tensor.int64_data.is_empty() => {
            check(tensor.int64_data.len(), "int64_data")?;
            ConstantData::Integers(tensor.int64_data.clone())
        }
        ElementType::U32 | ElementType::U64 if !tensor.uint64_data.is_empty() => {
            check(tensor.uint64_data.len(), "uint64_data")?;
            ConstantData::Integers(tensor.uint64_data.iter().map(|&x| x as i64).collect())
        }
        ElementType::F16 | ElementType::BF16 if !ints.is_empty() => {
            check(ints.len(), "int32_data")?;
            let decode = if element == ElementType::F16 { half } else { bfloat };
            ConstantData::Floats(ints.iter().map(|&x| decode(x as u16)).collect())
        }
        ElementType::I4 | ElementType::U4 if !ints.is_empty() => {
            check(ints.len(), "int32_data")?;
            let raw: Vec<u8> = ints.iter().map(|&x| x as u8).collect();
            from_raw(&raw, element, elements as usize)
        }
        ElementType::I32
        | ElementType::I16
        | ElementType::I8
        | ElementType::U16
        | ElementType::U8
        | ElementType::Bool
            if !ints.is_empty() =>
        {
            check(ints.len(), "int32_data")?;
            ConstantData::Integers(ints.iter().map(|&x| i64::from(x)).collect())
        }
        _ => return Ok(None),
    }))
}

/// No elements of the right kind.
pub(crate) fn empty(element: ElementType) -> ConstantData {
    if element.is_float() { ConstantData::Floats(Vec::new()) } else { ConstantData::Integers(Vec::new()) }
}

/// Little-endian bytes to numbers; a short tail is left out, lengths are checked before.
fn from_raw(raw: &[u8], element: ElementType, elements: usize) -> ConstantData {
    fn words<const N: usize, T>(raw: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
        raw.chunks_exact(N).filter_map(|c| c.try_into().ok()).map(decode).collect()
    }
    use ConstantData::{Floats, Integers};
    match element {
        ElementType::F64 => Floats(words(raw, f64::from_le_bytes)),
        ElementType::F32 => Floats(words(raw, |b| f64::from(f32::from_le_bytes(b)))),
        ElementType::F16 => Floats(words(raw, |b| half(u16::from_le_bytes(b)))),
        ElementType::BF16 => Floats(words(raw, |b| bfloat(u16::from_le_bytes(b)))),
        ElementType::I64 => Integers(words(raw, i64::from_le_bytes)),
        ElementType::U64 => Integers(words(raw, |b| u64::from_le_bytes(b) as i64)),
        ElementType::I32 => Integers(words(raw, |b| i64::from(i32::from_le_bytes(b)))),
        ElementType::U32 => Integers(words(raw, |b| i64::from(u32::from_le_bytes(b)))),
        ElementType::I16 => Integers(words(raw, |b| i64::from(i16::from_le_bytes(b)))),
        ElementType::U16 => Integers(words(raw, |b| i64::from(u16::from_le_bytes(b)))),
        ElementType::I8 => Integers(raw.iter().map(|&b| i64::from(b as i8)).collect()),
        ElementType::U8 | ElementType::Bool => Integers(raw.iter().map(|&b| i64::from(b)).collect()),
        ElementType::I4 | ElementType::U4 => {
            let nibbles = raw.iter().flat_map(|&b| [b & 15, b >> 4]).take(elements);
            let sign = |n: u8| if n > 7 { i64::from(n) - 16 } else { i64::from(n) };
            Integers(
                nibbles.map(|n| if element == ElementType::I4 { sign(n) } else { i64::from(n) }).collect(),
            )
        }
    }
}

/// IEEE 754 binary16 to binary64.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => mantissa * (-24f64).exp2(),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + mantissa / 1024.0) * f64::from(exponent - 15).exp2(),
    }
}

/// The upper half of an IEEE 754 binary32 to binary64.
fn bfloat(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_values() {
        let cases = [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_477_539_063e-8), (0x7bff, 65504.0)];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c01).is_nan());
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
        assert_eq!(bfloat(0x3fc0), 1.5);
    }

    #[test]
    fn typed_and_raw_data_agree() {
        let typed = TensorProto {
            dims: vec![2],
            data_type: 10,
            int32_data: vec![0x3c00, 0xc000],
            ..Default::default()
        };
        let raw = TensorProto {
            dims: vec![2],
            data_type: 10,
            raw_data: vec![0, 0x3c, 0, 0xc0],
            ..Default::default()
        };
        let read = |t: &TensorProto| content(t, ElementType::F16, &[2]).unwrap();
        assert_eq!(read(&typed), Some(ConstantData::Floats(vec![1.0, -2.0])));
        assert_eq!(read(&typed), read(&raw));
        let nibbles =
            TensorProto { dims: vec![3], data_type: 22, raw_data: vec![0xf1, 0x08], ..Default::default() };
        assert_eq!(
            content(&nibbles, ElementType::I4, &[3]).unwrap(),
            Some(ConstantData::Integers(vec![1, -1, -8]))
        );
    }

    #[test]
    fn a_wrong_length_is_an_error_and_missing_data_is_not() {
        let short = TensorProto { dims: vec![2], raw_data: vec![0; 7], ..Default::default() };
        assert!(content(&short, ElementType::F32, &[2]).unwrap_err().to_string().contains("raw_data"));
        let typed = TensorProto { dims: vec![2], int64_data: vec![1], ..Default::default() };
        assert!(content(&typed, ElementType::I64, &[2]).is_err());
        assert_eq!(content(&TensorProto::default(), ElementType::F32, &[2]).unwrap(), None);
    }
}
