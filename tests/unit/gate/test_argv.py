"""The models that command lines and variables name."""

import pytest

from weighlock.gate.argv import (
    ScriptError,
    Word,
    models_in_command,
    models_in_variable,
    names_engine,
    reads_configuration,
)


def models(*texts: str, program: bool = True) -> list[str]:
    return [named.text for named in models_in_command([Word(text, 1) for text in texts], program=program)]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["server", "--model", "m"], ["m"]),
        (["server", "--model=m"], ["m"]),
        (["server", "--model_id", "m"], ["m"]),
        (["server", "--Model-ID=m"], ["m"]),
        (["server", "--model", "a", "--model", "b"], ["a", "b"]),
        (["server", "--model"], [""]),
        (["server", "--model", "--port", "1"], [""]),
        (["server", "--tokenizer", "t", "--port", "1"], ["t"]),
        (["server", "--tokeniz", "t"], ["t"]),
        (["server", "--speculative-mod", "d"], ["d"]),
        (["server", "--lora-modules", "x=/a", "y=/b", "--port", "1"], ["/a", "/b"]),
        (["server", "--lora-modules", '{"name": "x", "path": "/a", "base_model_name": "b"}'], ["/a", "b"]),
        (["server", "--lora-adapters=a=/a,o/b"], ["/a", "o/b"]),
        (["server", "--speculative-config", '{"model": "d", "n": 1}'], ["d"]),
        (["server", "--speculative-config={broken"], ["{broken"]),
        (["server", "--speculative-config", '{"model": 1, "model": "d"}'], ['{"model": 1, "model": "d"}']),
        (["vllm", "serve", "m", "--port", "1"], ["m"]),
        (["/opt/bin/vllm", "serve", "m"], ["m"]),
        (["vllm", "serve", "--enable-x", "m"], [""]),
        (["vllm", "serve"], [""]),
        (["ollama", "run", "m"], ["m"]),
        (["ollama", "serve"], []),
        (["lmdeploy", "serve", "api_server", "m"], ["m"]),
        (["trtllm-serve", "m"], ["m"]),
        (["huggingface-cli", "download", "o/m"], ["o/m"]),
        (["python", "-m", "vllm.entrypoints.openai.api_server", "--model", "m"], ["m"]),
        (["python3", "-u", "-m", "module"], []),
        (["python3", "server.py", "-m", "m"], ["m"]),
        (["tini", "--", "python", "-m", "module"], []),
        (["llama-server", "-m", "m"], ["m"]),
        (["llama-server", "-hf", "o/m:q4"], ["o/m:q4"]),
        (["llama-server", "-md", "d"], ["d"]),
        (["llama-server", "-m"], [""]),
        (["useradd", "-m", "bob"], []),
        (["sh", "-c", "vllm serve m --port 1"], ["m"]),
        (["sh", "-c", "cd /x && vllm serve m; echo"], ["m"]),
        (["sh", "-c", "cd /x;vllm serve m"], ["m"]),
        (["sh", "-c", "vllm serve \\\n  m"], ["m"]),
        (["sh", "-c", "exec env A=1 llama-server -m m"], ["m"]),
        (["sh", "-c", "MODEL_ID=m text-generation-launcher"], ["m"]),
        (["sh", "-c", "(ollama serve &)\nollama pull m\n"], ["m"]),
        (["sh", "-c", 'vllm serve "$MODEL"'], ["$MODEL"]),
        (["sh", "-c", "x='a b' vllm serve 'm n'"], ["m n"]),
        (["git", "clone", "https://huggingface.co/o/m"], ["https://huggingface.co/o/m"]),
        (["server", "--port", "80"], []),
        (["server", "--mode", "fast"], []),
    ],
)
def test_models_in_commands(command: list[str], named: list[str]) -> None:
    assert models(*command) == named


def test_arguments_of_an_unknown_program_may_begin_with_m() -> None:
    assert models("-m", "m", program=False) == ["m"]
    assert models("git", "-m", "m", program=False) == ["m"]


def test_a_script_that_cannot_be_split_is_an_error() -> None:
    with pytest.raises(ScriptError):
        models("sh", "-c", "vllm serve 'm")


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("MODEL_ID", "o/m", ["o/m"]),
        ("model_id", "m", ["m"]),
        ("OLLAMA_MODEL", "m", ["m"]),
        ("LLAMA_ARG_HF_REPO", "o/m", ["o/m"]),
        ("MY_EMBEDDING_MODEL_ID", "m", ["m"]),
        ("LORA_ADAPTERS", "a=/a, o/b", ["/a", "o/b"]),
        ("MODEL_NAME", "served-name", []),
        ("MODEL_NAME", "o/m", ["o/m"]),
        ("MODEL_ID", "", []),
        ("PORT", "80", []),
        ("HF_HOME", "/x", []),
    ],
)
def test_models_in_variables(name: str, text: str, named: list[str]) -> None:
    assert [each.text for each in models_in_variable(name, text, 1)] == named


@pytest.mark.parametrize(
    ("command", "engine"),
    [
        (["vllm", "serve"], True),
        (["sh", "-c", "exec /usr/bin/tritonserver"], True),
        (["python", "-m", "vllm.entrypoints.openai.api_server"], True),
        (["python", "app.py"], False),
    ],
)
def test_engines_are_recognised(command: list[str], engine: bool) -> None:
    assert names_engine([Word(text, 1) for text in command]) is engine


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["vllm", "serve", "/m", "--config", "x.yaml"], "--config"),
        (["vllm", "serve", "/m", "--config=x.yaml"], "--config=x.yaml"),
        (["collector", "--config", "x.yaml"], None),
        (["vllm", "serve", "/m"], None),
    ],
)
def test_settings_files_of_engines_are_noticed(command: list[str], option: str | None) -> None:
    words = [Word(text, 1) for text in command]
    word = reads_configuration(words, engine=names_engine(words))
    assert (word.text if word else None) == option
