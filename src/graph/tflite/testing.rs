//! A small writer of flatbuffers for the tests of the reader.

/// A field of a table.
#[derive(Clone)]
pub(crate) enum Field {
    Byte(i8),
    Int(i32),
    Table(Fields),
    Tables(Vec<Fields>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Bytes(Vec<u8>),
}

/// Slots and what is in them.
pub(crate) type Fields = Vec<(usize, Field)>;

/// A file with the identifier of TFLite and this root table.
pub(crate) fn file(root: &Fields) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(b"TFL3");
    let position = table(&mut out, root);
    out[0..4].copy_from_slice(&(position as u32).to_le_bytes());
    out
}

fn align(out: &mut Vec<u8>, to: usize) {
    while !out.len().is_multiple_of(to) {
        out.push(0);
    }
}

/// Writes the list of fields, the table, then what its fields point to; returns the table's position.
fn table(out: &mut Vec<u8>, fields: &Fields) -> usize {
    align(out, 8);
    let slots = fields.iter().map(|f| f.0 + 1).max().unwrap_or(0);
    let vtable = out.len();
    out.extend(((4 + 2 * slots) as u16).to_le_bytes());
    out.extend(((4 + 4 * fields.len()) as u16).to_le_bytes());
    let mut offsets = vec![0u16; slots];
    for (place, (slot, _)) in fields.iter().enumerate() {
        offsets[*slot] = (4 + 4 * place) as u16;
    }
    out.extend(offsets.iter().flat_map(|o| o.to_le_bytes()));
    align(out, 8);
    let position = out.len();
    out.extend(((position - vtable) as i32).to_le_bytes());
    for (_, field) in fields {
        match field {
            Field::Byte(value) => out.extend([*value as u8, 0, 0, 0]),
            Field::Int(value) => out.extend(value.to_le_bytes()),
            _ => out.extend([0; 4]),
        }
    }
    for (place, (_, field)) in fields.iter().enumerate() {
        let at = position + 4 + 4 * place;
        let target = match field {
            Field::Byte(_) | Field::Int(_) => continue,
            Field::Table(fields) => table(out, fields),
            Field::Ints(v) => vector(out, v.len(), v.iter().flat_map(|x| x.to_le_bytes())),
            Field::Longs(v) => vector(out, v.len(), v.iter().flat_map(|x| x.to_le_bytes())),
            Field::Floats(v) => vector(out, v.len(), v.iter().flat_map(|x| x.to_le_bytes())),
            Field::Bytes(v) => vector(out, v.len(), v.iter().copied()),
            Field::Tables(tables) => {
                let start = vector(out, tables.len(), vec![0; 4 * tables.len()].into_iter());
                for (i, fields) in tables.iter().enumerate() {
                    let element = start + 4 + 4 * i;
                    let child = table(out, fields);
                    out[element..element + 4].copy_from_slice(&((child - element) as u32).to_le_bytes());
                }
                start
            }
        };
        out[at..at + 4].copy_from_slice(&((target - at) as u32).to_le_bytes());
    }
    position
}

fn vector(out: &mut Vec<u8>, length: usize, bytes: impl Iterator<Item = u8>) -> usize {
    align(out, 8);
    let start = out.len();
    out.extend((length as u32).to_le_bytes());
    out.extend(bytes);
    start
}

/// A tensor table: shape, type, buffer, name, and perhaps quantisation.
pub(crate) fn tensor(name: &str, shape: &[i32], element: i8, quantization: Option<Fields>) -> Fields {
    let mut fields = vec![
        (0, Field::Ints(shape.to_vec())),
        (1, Field::Byte(element)),
        (3, Field::Bytes(name.as_bytes().to_vec())),
    ];
    fields.extend(quantization.map(|q| (4, Field::Table(q))));
    fields
}

/// An operator table: code index, inputs, outputs, options.
pub(crate) fn operator(code: i32, inputs: &[i32], outputs: &[i32], options: Fields) -> Fields {
    vec![
        (0, Field::Int(code)),
        (1, Field::Ints(inputs.to_vec())),
        (2, Field::Ints(outputs.to_vec())),
        (4, Field::Table(options)),
    ]
}

/// A model of one sub-graph.
pub(crate) fn model(
    codes: &[i32],
    tensors: Vec<Fields>,
    operators: Vec<Fields>,
    inputs: &[i32],
    outputs: &[i32],
) -> Fields {
    let subgraph = vec![
        (0, Field::Tables(tensors)),
        (1, Field::Ints(inputs.to_vec())),
        (2, Field::Ints(outputs.to_vec())),
        (3, Field::Tables(operators)),
    ];
    vec![
        (0, Field::Int(3)),
        (1, Field::Tables(codes.iter().map(|&code| vec![(3, Field::Int(code))]).collect())),
        (2, Field::Tables(vec![subgraph])),
        (4, Field::Tables(vec![Vec::new()])),
    ]
}
