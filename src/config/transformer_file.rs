//! Transformers by their sizes: TOML to [`Transformer`].

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::document::Document;
use super::read::{DEFAULT_SIZE_CAP, read_text};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::graph::transformer::Transformer;

macro_rules! embed {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../../workloads/transformers/", $id, ".toml")))),*]
    };
}

/// Embedded descriptions, by id.
pub const TRANSFORMERS: &[(&str, &str)] = embed!(
    "deepseek-r1-distill-qwen-14b",
    "llama-2-7b",
    "llama-3-2-1b",
    "llama-3-2-3b",
    "qwen2-1-5b",
    "qwen2-5-0-5b",
    "qwen3-0-6b",
    "qwen3-1-7b",
    "qwen3-4b",
    "qwen3-8b",
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransformer {
    schema: Spanned<i64>,
    id: Spanned<String>,
    #[expect(dead_code, reason = "for people")]
    title: String,
    #[expect(dead_code, reason = "for people")]
    source: String,
    layers: Spanned<i64>,
    hidden: Spanned<i64>,
    heads: Spanned<i64>,
    kv_heads: Spanned<i64>,
    head_size: Spanned<i64>,
    feed_forward: Spanned<i64>,
    vocabulary: Spanned<i64>,
    tied: bool,
    weight_bits: Spanned<f64>,
    cache_bits: Spanned<f64>,
}

/// Reads a transformer: an id (`llama-3-2-1b`) or the path of a `.toml` file.
///
/// # Errors
/// Unknown ids, unreadable files, and all faults of the text.
pub fn load_transformer(reference: &str) -> Result<(Transformer, Arc<SourceText>), InputError> {
    let text = if reference.ends_with(".toml") {
        read_text(Path::new(reference), DEFAULT_SIZE_CAP)?
    } else {
        let known = || TRANSFORMERS.iter().map(|(id, _)| *id);
        let found = TRANSFORMERS.iter().find(|(id, _)| *id == reference);
        let (id, text) = found.ok_or_else(|| {
            let hint = nearest(reference, known())
                .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let list = known().collect::<Vec<_>>().join(", ");
            Diagnostic::new("model::unknown", format!("there is no transformer `{}`", printable(reference)))
                .help(format!("{hint}known: {list}; or give the path of a .toml file"))
        })?;
        SourceText::new(format!("<built-in {id}>"), *text)
    };
    Ok((transformer(Document::parse(&text)?)?, text))
}

fn transformer(document: Document<'_>) -> Result<Transformer, InputError> {
    let (raw, origins) = document.read::<RawTransformer>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let id = check.id(&raw.id);
    let mut whole = |number: &Spanned<i64>, name: &'static str, most: f64| {
        let value = check.value(*number.get_ref() as f64, &number.span(), Rule::within(name, 1.0, most));
        value as u64
    };
    let model = Transformer {
        id,
        layers: whole(&raw.layers, "layers", 1e3),
        hidden: whole(&raw.hidden, "hidden", 1e5),
        heads: whole(&raw.heads, "heads", 1e3),
        kv_heads: whole(&raw.kv_heads, "kv_heads", 1e3),
        head_size: whole(&raw.head_size, "head_size", 1e4),
        feed_forward: whole(&raw.feed_forward, "feed_forward", 1e6),
        vocabulary: whole(&raw.vocabulary, "vocabulary", 1e7),
        tied: raw.tied,
        weight_bits: check.value(
            *raw.weight_bits.get_ref(),
            &raw.weight_bits.span(),
            Rule::within("weight_bits", 1.0, 32.0),
        ),
        cache_bits: check.value(
            *raw.cache_bits.get_ref(),
            &raw.cache_bits.span(),
            Rule::within("cache_bits", 1.0, 32.0),
        ),
    };
    if model.kv_heads > 0 && !model.heads.is_multiple_of(model.kv_heads) {
        let message = format!("{} query heads cannot share {} key-value heads", model.heads, model.kv_heads);
        check.error(
            "soc::out-of-range",
            &raw.kv_heads.span(),
            message,
            "heads is a multiple of kv_heads in every published model",
        );
    }
    check.finish(model).map(|(model, _)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_transformer_is_valid_and_named_as_registered() {
        for (id, _) in TRANSFORMERS {
            let (model, _) = load_transformer(id).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(model.id, *id);
        }
        let error = load_transformer("llama-3-2-1").unwrap_err().to_string();
        assert!(error.contains("no transformer"), "{error}");
    }

    #[test]
    fn faults_are_placed() {
        let text = TRANSFORMERS[2].1.replace("kv_heads = 8", "kv_heads = 5");
        let text = SourceText::new("t.toml", text);
        let error = transformer(Document::parse(&text).unwrap()).unwrap_err();
        assert!(error.to_string().contains("cannot share"), "{error}");
    }
}
