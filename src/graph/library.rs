//! The models that ship inside the program, as ONNX graphs without weights.
//!
//! Attribution: `workloads/models/NOTICE.md`. Adding a model is one file in `workloads/models/` and one
//! line in [`MODELS`].

use super::error::GraphError;
use super::model::Graph;
use super::onnx::{OnnxOptions, read_onnx};
use crate::diagnostics::nearest;

/// A model of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibraryModel {
    /// Kebab-case id.
    pub id: &'static str,
    /// Name of the graph, also of the file without its extension.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Package that defines the architecture.
    pub origin: &'static str,
    /// Licence of that definition, as an SPDX expression.
    pub licence: &'static str,
    /// The ONNX file.
    pub bytes: &'static [u8],
}

/// No model of the library has this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model `{id}` in the library{}; `hetsoc list models` names them all", suggestion(.nearest))]
pub struct UnknownModel {
    /// The id asked for.
    pub id: String,
    /// The most similar id, if one is similar.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |id| format!(", did you mean `{id}`?"))
}

macro_rules! model {
    ($id:literal, $name:literal, $title:literal, $origin:literal, $licence:literal) => {
        LibraryModel {
            id: $id,
            name: $name,
            title: $title,
            origin: $origin,
            licence: $licence,
            bytes: include_bytes!(concat!("../../workloads/models/", $name, ".onnx")),
        }
    };
}

/// All models, sorted by name.
#[rustfmt::skip]
pub static MODELS: [LibraryModel; 47] = [
    model!("alexnet", "alexnet", "AlexNet", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("bert-base-128", "bert_base_128", "BERT-base, 128 tokens", "transformers 5.23.0", "Apache-2.0"),
    model!("deeplabv3-mobilenet-v3-large", "deeplabv3_mobilenet_v3_large", "DeepLabV3, MobileNetV3-Large backbone", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("deit-tiny-patch16-224", "deit_tiny_patch16_224", "DeiT-Tiny", "timm 1.0.31", "Apache-2.0"),
    model!("densenet121", "densenet121", "DenseNet-121", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("distilbert-128", "distilbert_128", "DistilBERT, 128 tokens", "transformers 5.23.0", "Apache-2.0"),
    model!("efficientnet-b0", "efficientnet_b0", "EfficientNet-B0", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("efficientnet-lite0", "efficientnet_lite0", "EfficientNet-Lite0", "timm 1.0.31", "Apache-2.0"),
    model!("fast-style-transfer-480x640", "fast_style_transfer_480x640", "Fast style transfer 480x640, as CoDL measured it", "written for this project after the CoDL operator table", "MIT OR Apache-2.0"),
    model!("googlenet", "googlenet", "GoogLeNet", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("gpt2-small-decode-kv128", "gpt2_small_decode_kv128", "GPT-2 small, one token after 128", "transformers 5.23.0", "Apache-2.0"),
    model!("gpt2-small-prefill128", "gpt2_small_prefill128", "GPT-2 small, prompt of 128 tokens", "transformers 5.23.0", "Apache-2.0"),
    model!("inception-v3", "inception_v3", "Inception v3", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("llama3-2-1b-decode-kv128", "llama3_2_1b_decode_kv128", "Llama 3.2 1B, one token after 128", "transformers 5.23.0", "Apache-2.0"),
    model!("llama3-2-1b-prefill128", "llama3_2_1b_prefill128", "Llama 3.2 1B, prompt of 128 tokens", "transformers 5.23.0", "Apache-2.0"),
    model!("mnasnet1-0", "mnasnet1_0", "MnasNet 1.0", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("mobilenet-v1", "mobilenet_v1", "MobileNetV1 1.0", "timm 1.0.31", "Apache-2.0"),
    model!("mobilenet-v2", "mobilenet_v2", "MobileNetV2 1.0", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("mobilenet-v3-large", "mobilenet_v3_large", "MobileNetV3-Large", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("mobilenet-v3-small", "mobilenet_v3_small", "MobileNetV3-Small", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("mobileone-s0", "mobileone_s0", "MobileOne-S0, re-parameterised", "timm 1.0.31", "Apache-2.0"),
    model!("mobilevit-s", "mobilevit_s", "MobileViT-S", "timm 1.0.31", "Apache-2.0"),
    model!("posenet-codl-256", "posenet_codl_256", "PoseNet 256 (VGG-like hand pose), as CoDL measured it", "written for this project after the CoDL operator table", "MIT OR Apache-2.0"),
    model!("posenet-mobilenet-v1-257", "posenet_mobilenet_v1_257", "PoseNet 257, MobileNetV1 backbone", "written for this project", "MIT OR Apache-2.0"),
    model!("qwen2-5-0-5b-decode-kv128", "qwen2_5_0_5b_decode_kv128", "Qwen2.5 0.5B, one token after 128", "transformers 5.23.0", "Apache-2.0"),
    model!("qwen2-5-0-5b-prefill128", "qwen2_5_0_5b_prefill128", "Qwen2.5 0.5B, prompt of 128 tokens", "transformers 5.23.0", "Apache-2.0"),
    model!("regnet-x-400mf", "regnet_x_400mf", "RegNetX-400MF", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("resnet101", "resnet101", "ResNet-101", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("resnet18", "resnet18", "ResNet-18", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("resnet34", "resnet34", "ResNet-34", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("resnet50", "resnet50", "ResNet-50 v1.5", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("retinaface-mobilenet025-640", "retinaface_mobilenet025_640", "RetinaFace 640, MobileNet-0.25 backbone", "written for this project", "MIT OR Apache-2.0"),
    model!("retinaface-resnet50-codl-640", "retinaface_resnet50_codl_640", "RetinaFace 640, ResNet-50 backbone, after CoDL", "written for this project after the CoDL operator table", "MIT OR Apache-2.0"),
    model!("shufflenet-v2-x1-0", "shufflenet_v2_x1_0", "ShuffleNetV2 1.0", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("squeezenet1-1", "squeezenet1_1", "SqueezeNet 1.1", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("ssdlite320-mobilenet-v3-large", "ssdlite320_mobilenet_v3_large", "SSDLite 320, MobileNetV3-Large backbone", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("unet-256", "unet_256", "U-Net 256", "written for this project", "MIT OR Apache-2.0"),
    model!("vgg16", "vgg16", "VGG-16", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("vit-b-16", "vit_b_16", "ViT-B/16", "torchvision 0.29.2", "BSD-3-Clause"),
    model!("wav2vec2-base-1s", "wav2vec2_base_1s", "wav2vec 2.0 base, 1 s of audio", "transformers 5.23.0", "Apache-2.0"),
    model!("whisper-tiny-encoder", "whisper_tiny_encoder", "Whisper tiny encoder, 30 s of audio", "transformers 5.23.0", "Apache-2.0"),
    model!("yolov2-coco-608", "yolov2_coco_608", "YOLOv2 608, COCO", "written for this project", "MIT OR Apache-2.0"),
    model!("yolov2-codl-416", "yolov2_codl_416", "YOLOv2 416, as CoDL measured it", "written for this project after the CoDL operator table", "MIT OR Apache-2.0"),
    model!("yolov2-tiny-416", "yolov2_tiny_416", "Tiny YOLOv2 416", "written for this project", "MIT OR Apache-2.0"),
    model!("yolov2-voc-416", "yolov2_voc_416", "YOLOv2 416, VOC", "written for this project", "MIT OR Apache-2.0"),
    model!("yolov3-tiny-416", "yolov3_tiny_416", "YOLOv3-tiny 416", "written for this project", "MIT OR Apache-2.0"),
    model!("yolov4-tiny-416", "yolov4_tiny_416", "YOLOv4-tiny 416", "written for this project", "MIT OR Apache-2.0"),
];

/// The model called `id`; upper case, underscores and dots are accepted (`MobileNet_v2`).
///
/// # Errors
/// [`UnknownModel`] with the most similar id.
pub fn find(id: &str) -> Result<&'static LibraryModel, UnknownModel> {
    let wanted = kebab(id);
    MODELS.iter().find(|m| m.id == wanted).ok_or_else(|| UnknownModel {
        id: crate::diagnostics::printable(id),
        nearest: nearest(&wanted, MODELS.iter().map(|m| m.id)),
    })
}

/// The form of ids: lower case, words joined by hyphens.
fn kebab(id: &str) -> String {
    id.chars().map(|c| if matches!(c, '_' | '.' | ' ') { '-' } else { c.to_ascii_lowercase() }).collect()
}

impl LibraryModel {
    /// The model's graph.
    ///
    /// # Errors
    /// None for the files that ship; the signature is that of the reader.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        read_onnx(self.bytes, self.name, &OnnxOptions::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_reads_and_is_found_by_its_id_and_name() {
        for model in &MODELS {
            let graph = model.graph().unwrap();
            assert!(graph.operators.len() > 10, "{}", model.id);
            assert_eq!(find(model.id), Ok(model));
            assert_eq!(find(&model.name.to_uppercase()), Ok(model));
        }
        assert!(MODELS.is_sorted_by(|a, b| a.name < b.name));
        assert!(MODELS.iter().map(|m| m.bytes.len()).sum::<usize>() <= 3_000_000);
    }

    #[test]
    fn a_misspelling_gets_a_suggestion() {
        let error = find("mobilnet_v2").unwrap_err();
        assert_eq!(error.nearest, Some("mobilenet-v2"));
        assert!(error.to_string().contains("did you mean `mobilenet-v2`?"));
        assert_eq!(find("xyz").unwrap_err().nearest, None);
    }

    #[test]
    fn the_notice_names_every_model() {
        let notice = include_str!("../../workloads/models/NOTICE.md");
        for model in &MODELS {
            assert!(notice.contains(&format!("| {} |", model.name)), "{}", model.name);
        }
    }
}
