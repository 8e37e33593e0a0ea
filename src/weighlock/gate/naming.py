"""The ways in which inference servers are told what to load.

Sources: the command references of vLLM, SGLang, TGI, llama.cpp, Ollama, Triton,
TorchServe, TensorFlow Serving and NIM. The tables add scrutiny only: a name that
stands in them is judged, and what they miss is named in docs/workloads.md.
"""

import re
from typing import Final

# Options with one value; underscores are read as hyphens, as argparse and vLLM do.
MODEL_OPTIONS: Final = frozenset(
    {
        "adapter", "base-model", "chat-template", "chat-template-file", "checkpoint", "ckpt-dir", "control-vector", "docker-repo",
        "control-vector-scaled", "draft-model", "engine-dir", "hf-config-path", "hf-file", "hf-file-v", "hf-repo",
        "hf-repo-draft", "hf-repo-v", "lora", "lora-base", "lora-scaled", "mmproj", "mmproj-url", "model",
        "model-base-path", "model-config-file", "model-dir", "model-draft", "model-id", "model-name-or-path",
        "model-path", "model-repository", "model-store", "model-tag", "model-url", "model-vocoder", "models-dir",
        "qlora-adapter-name-or-path", "speculative-token-map",
        "speculative-draft-model", "speculative-draft-model-path", "speculative-model", "tokenizer",
        "tokenizer-config-path", "tokenizer-id", "tokenizer-path",
    }
)  # fmt: skip
# Options with several values, each a model, name=model, or a JSON object.
LIST_OPTIONS: Final = frozenset(
    {"default-mm-loras", "lora-modules", "lora-adapters", "lora-paths", "prompt-adapters", "models"}
)
# Options with a JSON object, and the keys in it that name a model.
JSON_OPTIONS: Final = frozenset({"speculative-config"})
# llama.cpp's options that download a model of their own.
DEFAULT_MODELS: Final = re.compile(r"(?:embd|fim|gpt-oss|tts|vision)-.+-default")
JSON_KEYS: Final = ("model", "path", "base_model_name", "tokenizer", "draft_model")
# llama.cpp's short options, all with one value.
SHORT_OPTIONS: Final = frozenset(
    {"m", "md", "mu", "mm", "mmu", "mv", "dr", "hf", "hfr", "hfd", "hfrd", "hff", "hfv", "hfrv", "hffv"}
)
# Programs whose -m runs a module, and those to which it means a mode, a message or a home folder.
MODULE_RUNNERS: Final = ("python", "pypy", "torchrun", "accelerate", "coverage")
OTHER_MEANING_OF_M: Final = (
    "adduser", "apk", "chmod", "curl", "docker", "gcc", "git", "groupadd", "gunicorn", "install", "make", "mkdir",
    "mount", "ssh", "useradd", "usermod", "uwsgi", "wget",
)  # fmt: skip
ABBREVIATION_CHARACTERS: Final = 7  # argparse takes unique beginnings; shorter ones are never unique there

# A command, and the first words after which a model's name stands.
SUBCOMMANDS: Final[dict[str, frozenset[str]]] = {
    "vllm": frozenset({"serve", "chat", "complete", "bench"}),
    "ollama": frozenset({"run", "pull", "create", "push", "show"}),
    "mlc_llm": frozenset({"serve", "chat"}),
    "sglang": frozenset({"serve"}),
    "lmdeploy": frozenset({"serve", "chat"}),
    "hf": frozenset({"download"}),
    "huggingface-cli": frozenset({"download"}),
    "modelscope": frozenset({"download"}),
    "trtllm-serve": frozenset(),
}
# Words of those commands that stand between the command and the model.
INNER_WORDS: Final = frozenset({"api_server", "serve"})

MODEL_VARIABLES: Final = frozenset(
    {
        "BASE_MODEL", "CHAT_TEMPLATE", "DRAFT_MODEL", "HF_FILE", "HF_MODEL", "HF_MODEL_ID", "HF_REPO", "LORA_ADAPTERS",
        "LORA_MODULES", "LORA_PATHS", "MODEL_BASE_PATH", "MODEL_DIR", "MODEL_ID", "MODEL_PATH", "MODEL_REPOSITORY",
        "MODEL_STORE", "MODEL_URI", "MODEL_URL", "NIM_FT_MODEL", "NIM_MODEL_NAME", "NIM_PEFT_SOURCE", "OLLAMA_MODEL",
        "OLLAMA_MODELS", "LLAMA_ARG_DOCKER_REPO", "SPECULATIVE_MODEL", "STORAGE_URI", "TOKENIZER", "TOKENIZER_CONFIG_PATH", "TOKENIZER_PATH",
        "VLLM_MODEL", "LLAMA_ARG_CHAT_TEMPLATE", "LLAMA_ARG_CHAT_TEMPLATE_FILE", "LLAMA_ARG_HF_FILE",
        "LLAMA_ARG_HF_REPO", "LLAMA_ARG_HF_REPO_FILE", "LLAMA_ARG_HF_REPO_V", "LLAMA_ARG_HFD_REPO",
        "LLAMA_ARG_MMPROJ", "LLAMA_ARG_MMPROJ_URL", "LLAMA_ARG_MODEL", "LLAMA_ARG_MODEL_DRAFT",
        "LLAMA_ARG_MODEL_URL", "LLAMA_ARG_MODELS_DIR",
    }
)  # fmt: skip
# Often the name under which a model is served, which is harmless; a slash makes it a path or a hub's name.
MAYBE_MODEL_VARIABLES: Final = frozenset(
    {"MODEL", "MODEL_NAME", "EMBEDDING_MODEL", "EMBEDDING_MODEL_NAME", "RERANK_MODEL"}
)
MODEL_VARIABLE_ENDINGS: Final = (
    "_MODEL_ID",
    "_MODEL_PATH",
    "_MODEL_URI",
    "_MODEL_REPO",
    "_MODEL_DIR",
    "_MODEL_REPOSITORY",
)

# Where a kind of its own names a model by a scheme of its own.
MODEL_SCHEMES: Final = ("hf://", "huggingface://", "modelscope://", "ollama://")
HUBS: Final = ("huggingface.co/", "hf.co/", "hf-mirror.com/", "modelscope.cn/", "ollama.com/library", "hf://")

# Programs, modules and image names of servers. Seeing one means: a model must be named.
ENGINE_PROGRAMS: Final = frozenset(
    {"vllm", "text-generation-launcher", "text-embeddings-router", "tritonserver", "llama-server", "ollama", "trtllm-serve", "tensorflow_model_server", "torchserve", "lorax-launcher"}
)  # fmt: skip
ENGINE_MODULES: Final = ("vllm.entrypoints", "sglang.launch_server", "llama_cpp.server", "tensorrt_llm.serve")
ENGINE_IMAGES: Final = frozenset(
    {"vllm-openai", "text-generation-inference", "text-embeddings-inference", "tritonserver", "ollama", "llama.cpp", "sglang", "lmdeploy", "lorax", "tensorrt-llm"}
)  # fmt: skip
