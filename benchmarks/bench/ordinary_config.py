"""Configurations, tokenizers' files, model cards and chat templates as repositories have them, written anew."""

import json
from pathlib import Path
from typing import Any

LOOP = "{% for message in messages %}"
ROLES = (
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = 'You are a helpful assistant.' %}{% set rest = messages %}{% endif %}"
)
TEMPLATES = {
    "tags": LOOP + "<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "brackets": "{{ bos_token }}" + ROLES + "{% for message in rest %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}"
    "[INST] {% if loop.first %}{{ system }}\n\n{% endif %}{{ message['content'] }} [/INST]{% else %}{{ ' ' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}",
    "tools": "{%- if tools %}<tools>{%- for tool in tools %}\n{{ tool | tojson(indent=2) }}{%- endfor %}</tools>{%- endif %}"
    + LOOP + "{%- if message.tool_calls %}{%- for call in message.tool_calls %}{%- if call.function is defined %}"
    "{%- set call = call.function %}{%- endif %}<call>{{ call.name }}({{ call.arguments | tojson }})</call>{%- endfor %}"
    "{%- elif message.role == 'tool' %}<result>{{ message.content }}</result>{%- else %}<{{ message.role }}>{{ message.content }}"
    "{%- endif %}{%- endfor %}",
    "dated": "{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}"
    "{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}{%- endif %}Today is {{ date_string }}.\n"
    + LOOP + "<|header|>{{ message['role'] }}<|end|>{{ message['content'] }}<|eot|>{% endfor %}",
    "thinking": "{%- set ns = namespace(last=-1, seen=false) %}{%- for message in messages[::-1] %}{%- if message.role == 'user' and not ns.seen %}"
    "{%- set ns.last = messages | length - 1 - loop.index0 %}{%- set ns.seen = true %}{%- endif %}{%- endfor %}"
    + LOOP + "{%- set content = message.content if message.content is string else '' %}{%- if '</think>' in content %}"
    "{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}<|{{ message.role }}|>{{ content }}{%- endfor %}"
    "{%- if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>{%- endif %}",
    "images": LOOP + "{{ message['role'] }}: {% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}\n{% endfor %}",
    "macros": "{%- macro typed(p) %}{%- if p.type == 'array' %}list[{{ typed(p['items']) }}]{%- else %}{{ p.type }}{%- endif %}{%- endmacro %}"
    "{%- for tool in tools or [] %}{%- for name, p in tool.function.parameters.properties.items() %}{{ name }}: {{ typed(p) }}{%- endfor %}{%- endfor %}"
    + LOOP + "{{ message.content }}{% endfor %}",
    "turns": "{{ bos_token }}" + LOOP + "{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "<start_of_turn>{{ role }}\n{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 384, "vocab_size": 30522, "transformers_version": "4.40.0"},
    "llama": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2.0}, "torch_dtype": "bfloat16"},
    "vision": {"architectures": ["ViTForImageClassification"], "model_type": "vit", "id2label": {"0": "cat", "1": "dog"}, "image_size": 224},
    "quantized": {"model_type": "mistral", "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}},
    "speech": {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "suppress_tokens": [1, 2], "_name_or_path": "openai/whisper-tiny"},
}  # fmt: skip


def make(folder: Path) -> None:
    for name, config in CONFIGS.items():
        _json(folder / name / "config.json", config)
        _json(
            folder / name / "generation_config.json",
            {"do_sample": True, "temperature": 0.7, "eos_token_id": [2, 3]},
        )
        _json(
            folder / name / "special_tokens_map.json",
            {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": False}},
        )
        card = f"---\nlicense: apache-2.0\ntags: [{name}]\n---\n# {name}\n\nUse it:\n\n```python\nmodel = load('{name}')\n```\n"
        (folder / name / "README.md").write_text(card, encoding="utf-8")
    for name, template in TEMPLATES.items():
        tokens = {
            "chat_template": template,
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 2048,
        }
        _json(folder / f"chat-{name}" / "tokenizer_config.json", tokens)
        (folder / f"chat-{name}" / "chat_template.jinja").write_text(template, encoding="utf-8")
    _tokenizers(folder / "tokenizer")
    _libraries(folder / "libraries")


def _json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2), encoding="utf-8")


def _tokenizers(folder: Path) -> None:
    words = {f"##{number}": number for number in range(200)}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": words}
    _json(
        folder / "tokenizer.json",
        {"version": "1.0", "normalizer": {"type": "Lowercase"}, "added_tokens": [], "model": model},
    )
    _json(folder / "vocab.json", words)
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\na b\nab c\n", encoding="utf-8")
    _json(
        folder / "preprocessor_config.json",
        {
            "do_resize": True,
            "size": {"height": 224},
            "image_mean": [0.5],
            "image_processor_type": "ViTImageProcessor",
        },
    )


def _libraries(folder: Path) -> None:
    names = ("transformers", "Transformer"), ("models", "Pooling")
    modules = [
        {
            "idx": at,
            "name": str(at),
            "path": f"{at}_{kind}" if at else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for at, (_, kind) in enumerate(names)
    ]
    _json(folder / "sentence" / "modules.json", modules)
    _json(
        folder / "sentence" / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True},
    )
    _json(
        folder / "diffusers" / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.30.0",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "text_encoder": ["transformers", "CLIPTextModel"],
        },
    )
    _json(
        folder / "adapter" / "adapter_config.json",
        {
            "peft_type": "LORA",
            "r": 8,
            "base_model_name_or_path": "meta-llama/Llama-2-7b-hf",
            "target_modules": ["q_proj"],
        },
    )
    (folder / "training.yaml").write_text(
        "model:\n  layers: 4\n  name: small\noptimizer: {lr: 0.001, betas: [0.9, 0.99]}\n", encoding="utf-8"
    )
    (folder / "requirements.txt").write_text("torch>=2.0\ntransformers==4.40.0\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Permission is granted to use this model.\n", encoding="utf-8")
    (folder / ".gitattributes").write_text(
        "*.safetensors filter=lfs diff=lfs merge=lfs -text\n", encoding="utf-8"
    )
    (folder / "Modelfile").write_text(
        'FROM ./model.gguf\nPARAMETER temperature 0.7\nTEMPLATE """{{ .System }} {{ .Prompt }}"""\n',
        encoding="utf-8",
    )
