//! Each rule against shapes worked out by hand from the operator's definition.

use super::*;
use crate::graph::model::{Attribute, ConstantData, ElementType};

/// An input: a shape, or the content of a list of 64-bit integers or floats.
enum In<'a> {
    Shape(&'a [u64]),
    Ints(&'a [i64]),
    Floats(&'a [f64]),
    Absent,
}
use In::{Absent, Floats, Ints, Shape};

fn fact(input: &In<'_>) -> Option<Fact> {
    let constant = |len: usize, element, data| Fact {
        shape: vec![len as u64],
        element,
        constant: true,
        data: Some(data),
    };
    match *input {
        Shape(dims) => Some(Fact::activation(dims.to_vec(), ElementType::F32)),
        Ints(v) => Some(constant(v.len(), ElementType::I64, ConstantData::Integers(v.to_vec()))),
        Floats(v) => Some(constant(v.len(), ElementType::F32, ConstantData::Floats(v.to_vec()))),
        Absent => None,
    }
}

fn facts(op: &str, opset: i64, attributes: &[(&str, Attribute)], inputs: &[In<'_>], outputs: usize) -> Facts {
    let operator = Operator {
        name: String::new(),
        op_type: op.to_owned(),
        domain: String::new(),
        attributes: attributes.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect(),
        inputs: Vec::new(),
        outputs: vec![None; outputs],
    };
    let inputs: Vec<Option<Fact>> = inputs.iter().map(fact).collect();
    let inputs: Vec<Option<&Fact>> = inputs.iter().map(Option::as_ref).collect();
    infer(&operator, None, &inputs, opset).unwrap()
}

/// Shape of the first output.
fn shape(op: &str, opset: i64, attributes: &[(&str, Attribute)], inputs: &[In<'_>]) -> Vec<u64> {
    facts(op, opset, attributes, inputs, 1).unwrap().remove(0).shape
}

fn content(op: &str, attributes: &[(&str, Attribute)], inputs: &[In<'_>]) -> Option<ConstantData> {
    facts(op, 17, attributes, inputs, 1).unwrap().remove(0).data
}

fn ints(values: &[i64]) -> Attribute {
    Attribute::Ints(values.to_vec())
}

fn text(value: &str) -> Attribute {
    Attribute::Text(value.to_owned())
}

#[test]
fn windows() {
    let conv = |attributes: &[(&str, Attribute)]| {
        shape("Conv", 17, attributes, &[Shape(&[1, 4, 11, 8]), Shape(&[6, 2, 3, 3])])
    };
    let two = ("group", Attribute::Int(2));
    assert_eq!(conv(std::slice::from_ref(&two)), [1, 6, 9, 6]);
    assert_eq!(conv(&[two.clone(), ("strides", ints(&[2, 2])), ("pads", ints(&[1, 1, 1, 1]))]), [1, 6, 6, 4]);
    assert_eq!(
        conv(&[two.clone(), ("auto_pad", text("SAME_UPPER")), ("strides", ints(&[2, 3]))]),
        [1, 6, 6, 3]
    );
    assert_eq!(conv(&[two, ("dilations", ints(&[2, 1]))]), [1, 6, 7, 6]);
    let pool = |ceil| {
        let attributes = [
            ("kernel_shape", ints(&[3, 3])),
            ("strides", ints(&[2, 2])),
            ("ceil_mode", Attribute::Int(ceil)),
        ];
        shape("MaxPool", 17, &attributes, &[Shape(&[1, 4, 112, 56])])
    };
    assert_eq!((pool(0), pool(1)), (vec![1, 4, 55, 27], vec![1, 4, 56, 28]));
    // A window that would start in the padding is left out although the ceiling asks for it.
    let attributes = [
        ("kernel_shape", ints(&[2])),
        ("strides", ints(&[3])),
        ("pads", ints(&[0, 1])),
        ("ceil_mode", Attribute::Int(1)),
    ];
    assert_eq!(shape("AveragePool", 17, &attributes, &[Shape(&[1, 1, 3])]), [1, 1, 1]);
    let up = [("strides", ints(&[2, 2])), ("pads", ints(&[1, 1, 1, 1])), ("output_padding", ints(&[1, 1]))];
    assert_eq!(
        shape("ConvTranspose", 17, &up, &[Shape(&[1, 4, 5, 7]), Shape(&[4, 3, 3, 3])]),
        [1, 3, 10, 14]
    );
}

#[test]
fn matrices() {
    assert_eq!(shape("MatMul", 17, &[], &[Shape(&[5, 1, 2, 3]), Shape(&[4, 3, 7])]), [5, 4, 2, 7]);
    assert_eq!(shape("MatMul", 17, &[], &[Shape(&[3]), Shape(&[4, 3, 7])]), [4, 7]);
    assert_eq!(shape("MatMul", 17, &[], &[Shape(&[3]), Shape(&[3])]), [0u64; 0]);
    let transposed = [("transA", Attribute::Int(1)), ("transB", Attribute::Int(1))];
    assert_eq!(shape("Gemm", 17, &transposed, &[Shape(&[3, 2]), Shape(&[5, 3]), Shape(&[5])]), [2, 5]);
    let einsum = |equation, a: &[u64], b: &[u64]| {
        shape("Einsum", 17, &[("equation", text(equation))], &[Shape(a), Shape(b)])
    };
    assert_eq!(einsum("bhid, bhjd -> bhij", &[2, 3, 4, 5], &[2, 3, 6, 5]), [2, 3, 4, 6]);
    assert_eq!(einsum("...ij,...jk", &[9, 2, 3], &[9, 3, 4]), [9, 2, 4]);
    assert!(
        facts("Einsum", 17, &[("equation", text("ij,jk->iz"))], &[Shape(&[2, 3]), Shape(&[3, 4])], 1)
            .is_err()
    );
    let lstm =
        facts("LSTM", 17, &[], &[Shape(&[7, 1, 4]), Shape(&[2, 20, 4]), Shape(&[2, 20, 5])], 3).unwrap();
    assert_eq!((&lstm[0].shape, &lstm[2].shape), (&vec![7, 2, 1, 5], &vec![2, 1, 5]));
}

#[test]
fn parameters_that_moved_from_attributes_to_inputs() {
    let x = || Shape(&[2, 1, 4, 1]);
    assert_eq!(shape("Squeeze", 11, &[("axes", ints(&[1]))], &[x()]), [2, 4, 1]);
    assert_eq!(shape("Squeeze", 13, &[], &[x(), Ints(&[-1])]), [2, 1, 4]);
    assert_eq!(shape("Squeeze", 13, &[], &[x()]), [2, 4]);
    assert_eq!(shape("Unsqueeze", 11, &[("axes", ints(&[0, 5]))], &[x()]), [1, 2, 1, 4, 1, 1]);
    assert_eq!(shape("Unsqueeze", 13, &[], &[x(), Ints(&[-1, 1])]), [2, 1, 1, 4, 1, 1]);
    assert_eq!(shape("ReduceSum", 11, &[("axes", ints(&[2]))], &[x()]), [2, 1, 1, 1]);
    let flat = ("keepdims", Attribute::Int(0));
    assert_eq!(shape("ReduceMean", 18, std::slice::from_ref(&flat), &[x(), Ints(&[0, 1])]), [4, 1]);
    assert_eq!(shape("ReduceMax", 17, &[flat], &[x()]), [0u64; 0]);
    assert_eq!(shape("ReduceSum", 13, &[("noop_with_empty_axes", Attribute::Int(1))], &[x()]), [2, 1, 4, 1]);
    let attributes = [("starts", ints(&[1, -3])), ("ends", ints(&[i64::MAX, -1])), ("axes", ints(&[0, 2]))];
    assert_eq!(shape("Slice", 9, &attributes, &[x()]), [1, 1, 2, 1]);
    let backwards = [x(), Ints(&[-1]), Ints(&[i64::MIN]), Ints(&[2]), Ints(&[-2])];
    assert_eq!(shape("Slice", 13, &[], &backwards), [2, 1, 2, 1]);
    assert_eq!(shape("Pad", 9, &[("pads", ints(&[0, 1, 0, 0, 0, 1, -1, 0]))], &[x()]), [2, 3, 3, 1]);
    assert_eq!(shape("Pad", 18, &[], &[x(), Ints(&[1, 2]), Absent, Ints(&[-1])]), [2, 1, 4, 4]);
    let parts = |opset, attributes: &[(&str, Attribute)], inputs: &[In<'_>], n| {
        facts("Split", opset, attributes, inputs, n).unwrap().iter().map(|f| f.shape[0]).collect::<Vec<_>>()
    };
    assert_eq!(parts(11, &[("split", ints(&[1, 4]))], &[Shape(&[5])], 2), [1, 4]);
    assert_eq!(parts(13, &[], &[Shape(&[5]), Ints(&[2, 3])], 2), [2, 3]);
    assert_eq!(parts(18, &[("num_outputs", Attribute::Int(3))], &[Shape(&[5])], 3), [2, 2, 1]);
    assert_eq!(shape("Resize", 10, &[], &[x(), Floats(&[1.0, 1.0, 2.5, 3.0])]), [2, 1, 10, 3]);
    assert_eq!(shape("Resize", 13, &[], &[x(), Absent, Absent, Ints(&[2, 1, 8, 9])]), [2, 1, 8, 9]);
    let policy = [("axes", ints(&[2, 3])), ("keep_aspect_ratio_policy", text("not_larger"))];
    assert_eq!(
        shape("Resize", 18, &policy, &[Shape(&[1, 1, 10, 20]), Absent, Absent, Ints(&[20, 20])]),
        [1, 1, 10, 20]
    );
    assert_eq!(shape("Upsample", 9, &[], &[x(), Floats(&[1.0, 1.0, 2.0, 2.0])]), [2, 1, 8, 2]);
    let top = facts("TopK", 11, &[], &[x(), Ints(&[3])], 2).unwrap();
    assert!(top[0].shape == [2, 1, 4, 3] && top[1].element == ElementType::I64);
}

#[test]
fn rearrangements() {
    assert_eq!(shape("Reshape", 17, &[], &[Shape(&[2, 3, 4]), Ints(&[0, -1])]), [2, 12]);
    assert!(facts("Reshape", 17, &[], &[Shape(&[2, 3]), Ints(&[4, -1])], 1).is_err());
    assert!(matches!(facts("Reshape", 17, &[], &[Shape(&[2]), Shape(&[1])], 1), Err(RuleError::Unknown(_))));
    assert_eq!(shape("Flatten", 17, &[("axis", Attribute::Int(-1))], &[Shape(&[2, 3, 4])]), [6, 4]);
    assert_eq!(shape("Flatten", 17, &[("axis", Attribute::Int(3))], &[Shape(&[2, 3, 4])]), [24, 1]);
    assert_eq!(shape("Transpose", 17, &[], &[Shape(&[2, 3, 4])]), [4, 3, 2]);
    assert!(facts("Transpose", 17, &[("perm", ints(&[0, 0, 1]))], &[Shape(&[2, 3, 4])], 1).is_err());
    assert_eq!(shape("Expand", 17, &[], &[Shape(&[3, 1]), Ints(&[2, 1, 6])]), [2, 3, 6]);
    assert_eq!(shape("Tile", 17, &[], &[Shape(&[3, 1]), Ints(&[2, 5])]), [6, 5]);
    assert_eq!(
        shape("Gather", 17, &[("axis", Attribute::Int(1))], &[Shape(&[5, 9, 2]), Shape(&[3, 4])]),
        [5, 3, 4, 2]
    );
    let nd = [("batch_dims", Attribute::Int(1))];
    assert_eq!(shape("GatherND", 17, &nd, &[Shape(&[2, 3, 4, 5]), Shape(&[2, 7, 1])]), [2, 7, 4, 5]);
    assert_eq!(
        shape("DepthToSpace", 17, &[("blocksize", Attribute::Int(2))], &[Shape(&[1, 8, 3, 3])]),
        [1, 2, 6, 6]
    );
    assert_eq!(
        shape("SpaceToDepth", 17, &[("blocksize", Attribute::Int(3))], &[Shape(&[1, 2, 6, 3])]),
        [1, 18, 2, 1]
    );
    assert_eq!(shape("OneHot", 17, &[], &[Shape(&[2, 3]), Ints(&[10]), Shape(&[2])]), [2, 3, 10]);
}

#[test]
fn small_constants_are_evaluated() {
    let some = |values: &[i64]| Some(ConstantData::Integers(values.to_vec()));
    assert_eq!(content("Gather", &[], &[Ints(&[7, 8, 9]), Ints(&[-1, 0])]), some(&[9, 7]));
    assert_eq!(content("Gather", &[], &[Ints(&[7]), Ints(&[5])]), None, "an index out of range");
    assert_eq!(
        content("Slice", &[], &[Ints(&[1, 2, 3, 4]), Ints(&[-1]), Ints(&[0]), Ints(&[0]), Ints(&[-2])]),
        some(&[4, 2])
    );
    assert_eq!(
        content("Concat", &[("axis", Attribute::Int(0))], &[Ints(&[1]), Ints(&[2, 3])]),
        some(&[1, 2, 3])
    );
    assert_eq!(content("Mul", &[], &[Ints(&[2, 3]), Ints(&[4])]), some(&[8, 12]));
    assert_eq!(content("Div", &[], &[Ints(&[-7]), Ints(&[2])]), some(&[-3]));
    assert_eq!(content("Mod", &[], &[Ints(&[-7]), Ints(&[3])]), some(&[2]));
    assert_eq!(content("Div", &[], &[Ints(&[1]), Ints(&[0])]), None);
    assert_eq!(content("Mul", &[], &[Ints(&[i64::MAX]), Ints(&[2])]), None);
    assert_eq!(content("Less", &[], &[Floats(&[1.0, 3.0]), Floats(&[2.0])]), some(&[1, 0]));
    assert_eq!(content("Where", &[], &[Ints(&[1, 0]), Ints(&[5]), Ints(&[6, 7])]), some(&[5, 7]));
    assert_eq!(content("Expand", &[], &[Ints(&[4]), Ints(&[3])]), some(&[4, 4, 4]));
    assert_eq!(content("Tile", &[], &[Ints(&[1, 2]), Ints(&[2])]), some(&[1, 2, 1, 2]));
    assert_eq!(content("ReduceProd", &[], &[Ints(&[2, 3, 4])]), some(&[24]));
    assert_eq!(content("Range", &[], &[Ints(&[1]), Ints(&[8]), Ints(&[3])]), some(&[1, 4, 7]));
    assert_eq!(content("Cast", &[("to", Attribute::Int(7))], &[Floats(&[2.9, -2.9])]), some(&[2, -2]));
    assert_eq!(content("Shape", &[("start", Attribute::Int(-2))], &[Shape(&[5, 6, 7])]), some(&[6, 7]));
    assert_eq!(content("Floor", &[], &[Floats(&[2.5])]), Some(ConstantData::Floats(vec![2.0])));
    let split = facts("Split", 13, &[], &[Ints(&[1, 2, 3]), Ints(&[1, 2])], 2).unwrap();
    assert_eq!(split[1].data, some(&[2, 3]));
}

#[test]
fn types_follow_the_definitions() {
    let element = |op: &str, attributes: &[(&str, Attribute)], inputs: &[In<'_>]| {
        facts(op, 17, attributes, inputs, 1).unwrap().remove(0).element
    };
    assert_eq!(element("Equal", &[], &[Shape(&[2]), Shape(&[2])]), ElementType::Bool);
    assert_eq!(element("Cast", &[("to", Attribute::Int(10))], &[Shape(&[2])]), ElementType::F16);
    assert_eq!(element("ArgMax", &[], &[Shape(&[2])]), ElementType::I64);
    assert_eq!(element("QuantizeLinear", &[], &[Shape(&[2]), Floats(&[1.0])]), ElementType::U8);
    assert!(facts("Cast", 17, &[("to", Attribute::Int(8))], &[Shape(&[2])], 1).is_err());
    assert!(infer_unknown());
}

fn infer_unknown() -> bool {
    let operator = Operator {
        name: String::new(),
        op_type: "NonMaxSuppression".to_owned(),
        domain: String::new(),
        attributes: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    infer(&operator, None, &[], 17).is_none()
}

/// Shape of the first output of an operator of ONNX Runtime's own domain.
fn contrib(op: &str, attributes: &[(&str, Attribute)], shapes: &[&[u64]]) -> Vec<u64> {
    let operator = Operator {
        name: String::new(),
        op_type: op.to_owned(),
        domain: "com.microsoft".to_owned(),
        attributes: attributes.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect(),
        inputs: Vec::new(),
        outputs: vec![None],
    };
    let facts: Vec<Fact> =
        shapes.iter().map(|dims| Fact::activation(dims.to_vec(), ElementType::F32)).collect();
    let inputs: Vec<Option<&Fact>> = facts.iter().map(Some).collect();
    infer(&operator, None, &inputs, 17).unwrap().unwrap().remove(0).shape
}

#[test]
fn operators_of_onnx_runtime() {
    let same = [("pads", ints(&[1, 1, 1, 1]))];
    assert_eq!(contrib("FusedConv", &same, &[&[1, 4, 8, 8], &[6, 4, 3, 3]]), [1, 6, 8, 8]);
    assert_eq!(contrib("FusedGemm", &[("transB", Attribute::Int(1))], &[&[2, 3], &[5, 3]]), [2, 5]);
    assert_eq!(
        contrib("FusedMatMul", &[("transB", Attribute::Int(1))], &[&[4, 2, 3], &[4, 5, 3]]),
        [4, 2, 5]
    );
    let s: &[u64] = &[];
    assert_eq!(
        contrib("QGemm", &[("transB", Attribute::Int(1))], &[&[2, 3], s, s, &[5, 3], s, s, &[5]]),
        [2, 5]
    );
    assert_eq!(contrib("QLinearAdd", &[], &[&[2, 1, 3], s, s, &[4, 1]]), [2, 4, 3]);
    assert_eq!(contrib("QLinearGlobalAveragePool", &[], &[&[1, 7, 5, 5]]), [1, 7, 1, 1]);
    let along = [("axis", Attribute::Int(1))];
    assert_eq!(contrib("QLinearConcat", &along, &[s, s, &[1, 2, 4], s, s, &[1, 3, 4], s, s]), [1, 5, 4]);
    assert_eq!(contrib("SkipLayerNormalization", &[], &[&[1, 7, 5], &[1, 7, 5], &[5]]), [1, 7, 5]);
}

#[test]
fn resampling() {
    assert_eq!(shape("GridSample", 20, &[], &[Shape(&[2, 3, 8, 8]), Shape(&[2, 5, 6, 2])]), [2, 3, 5, 6]);
    let side = [("output_height", Attribute::Int(7)), ("output_width", Attribute::Int(5))];
    assert_eq!(shape("RoiAlign", 16, &side, &[Shape(&[1, 4, 32, 32]), Shape(&[9, 4])]), [9, 4, 7, 5]);
    let offsets = Shape(&[1, 18, 7, 6]);
    assert_eq!(
        shape("DeformConv", 19, &[], &[Shape(&[1, 4, 7, 6]), Shape(&[6, 4, 3, 3]), offsets]),
        [1, 6, 7, 6]
    );
    assert_eq!(shape("Col2Im", 18, &[], &[Shape(&[1, 10, 5]), Ints(&[5, 5]), Ints(&[1, 5])]), [1, 2, 5, 5]);
    let frames = [Shape(&[1, 128, 1]), Ints(&[64]), Shape(&[16])];
    assert_eq!(shape("STFT", 17, &[], &frames), [1, 2, 9, 2]);
}
