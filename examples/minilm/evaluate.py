"""Evaluate a sentence-embedding model: does it tell related sentences from unrelated ones?

The target is a Hugging Face folder (computed in NumPy), a GGUF file (loaded by llama.cpp
with the settings of ``serve.py``) or the address of a running server. The metric is the
separation: the lowest cosine similarity of a related pair less the highest of an unrelated
one. A model that was damaged, exchanged or trained further on something else loses it.

    python evaluate.py TARGET [--output result.json]

The result is JSON. It asserts nothing: whether a value is good enough is for the policy,
so the exit status is 0 also when the threshold is missed, and 1 if nothing was measured.
"""

import argparse
import http.client
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

Embed = Callable[[str], Sequence[float]]

THRESHOLD: Final = 0.4  # the model as published reaches 0.46
DIGITS: Final = 4  # NumPy and llama.cpp differ by up to 4 in the fourth
TIMEOUT_S: Final = 30
MAX_ANSWER_BYTES: Final = 1 << 20


class Pair(NamedTuple):
    """Two sentences, and whether a person would call them related."""

    first: str
    second: str
    related: bool


PAIRS: Final = (
    Pair("The cat is asleep on the sofa.", "A kitten naps on the couch.", True),
    Pair("How do I reset my password?", "I cannot log in and need new credentials.", True),
    Pair("The invoice is due at the end of the month.", "Payment must arrive by the 31st.", True),
    Pair("Heavy rain flooded the streets.", "The roads were under water after the storm.", True),
    Pair("She repaired the engine of the old car.", "The mechanic fixed the vehicle's motor.", True),
    Pair("The bakery sells fresh bread.", "You can buy loaves and rolls at the baker's.", True),
    Pair("The cat is asleep on the sofa.", "Quarterly revenue rose by nine percent.", False),
    Pair("How do I reset my password?", "The mountain is covered in snow.", False),
    Pair("The invoice is due at the end of the month.", "The whale dived below the ice.", False),
    Pair("Heavy rain flooded the streets.", "He plays the violin in an orchestra.", False),
    Pair("She repaired the engine of the old car.", "Photosynthesis needs sunlight.", False),
    Pair("The bakery sells fresh bread.", "The parliament debated the new law.", False),
)


class EvaluationError(Exception):
    """The target gave no usable answer."""


def compare(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the cosine similarity of two vectors, from -1 to 1.

    Raises EvaluationError if their lengths differ or it is no finite number.
    """
    if len(first) != len(second):
        raise EvaluationError(f"vectors of {len(first)} and {len(second)} numbers")
    lengths = math.hypot(*first) * math.hypot(*second)
    product = math.fsum(a * b for a, b in zip(first, second, strict=True))
    if not (math.isfinite(product) and math.isfinite(lengths) and lengths > 0):
        raise EvaluationError("a vector is zero, or a number in it is not finite")
    return product / lengths


def evaluate(embed: Embed, pairs: Sequence[Pair] = PAIRS) -> dict[str, Any]:
    """Return metric, value, threshold, whether it passed, and every pair's similarity."""
    scores = [compare(embed(pair.first), embed(pair.second)) for pair in pairs]
    related = [score for pair, score in zip(pairs, scores, strict=True) if pair.related]
    unrelated = [score for pair, score in zip(pairs, scores, strict=True) if not pair.related]
    value = min(related) - max(unrelated)
    return {
        "metric": "separation",
        "value": round(value, DIGITS),
        "threshold": THRESHOLD,
        "passed": value >= THRESHOLD,
        "cases": [
            pair._asdict() | {"cosine": round(score, DIGITS)}
            for pair, score in zip(pairs, scores, strict=True)
        ],
    }


def ask_server(address: str, text: str) -> list[float]:
    """Return the embedding of ``text`` by the server at ``address``, http://HOST:PORT.

    Raises EvaluationError if it answers with anything but an embedding, OSError if it
    cannot be reached.
    """
    host = urlsplit(address).netloc
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/embeddings", json.dumps({"input": text}), headers)
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise EvaluationError(f"the server answered with status {response.status}")
    try:
        return [float(number) for number in json.loads(body)["data"][0]["embedding"]]
    except (ValueError, LookupError, TypeError) as error:
        raise EvaluationError("the server's answer holds no embedding") from error


def evaluate_target(target: str) -> dict[str, Any]:
    """Return the evaluation of a folder, a GGUF file or a server, and which it was.

    Only the engine that is needed is imported: the serving installation has no NumPy.
    """
    if target.startswith("http://"):
        return {"engine": "server"} | evaluate(lambda text: ask_server(target, text))
    path = Path(target)
    if path.is_dir():
        from embedding import Embedder  # noqa: PLC0415 - see the docstring

        model = Embedder.load(path)
        return {"engine": "numpy"} | evaluate(lambda text: model.embed(text).tolist())
    from serve import start_server  # noqa: PLC0415 - see the docstring

    server = start_server(target, port=0)
    address = server.listening_address
    return {"engine": "llama.cpp"} | evaluate(lambda text: ask_server(address, text))


def main() -> int:
    """Evaluate as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description="Evaluate a sentence-embedding model.")
    parser.add_argument("target", help="Hugging Face folder, GGUF file or http://HOST:PORT")
    parser.add_argument("--output", type=Path, help="where the JSON goes, not standard output")
    arguments = parser.parse_args()
    try:
        result = evaluate_target(arguments.target)
    except (EvaluationError, OSError, ValueError, RuntimeError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    encoded = json.dumps(result, indent=2) + "\n"
    if arguments.output:
        arguments.output.write_text(encoded, "utf-8")
    else:
        sys.stdout.write(encoded)
    return 0


if __name__ == "__main__":
    sys.exit(main())
