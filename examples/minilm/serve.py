"""Serve one GGUF embedding model with llama.cpp on 127.0.0.1, until SIGTERM or SIGINT.

POST /v1/embeddings answers in OpenAI's shape; GET /health answers 503 until the model is
loaded, then 200. Writes no file, starts no process, opens no connection. Standard library
and xllamacpp only, so that the program can also be given whole to ``python -I -c``, and
thereby be part of the argument list that a release records.

    python -I serve.py --model model.gguf --port 8000
"""

import argparse
import os
import signal
import sys

import xllamacpp

HOST = "127.0.0.1"
ALIAS = "minilm"  # the model's name in answers, instead of its path
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
MAX_THREADS = 4  # enough for sentences; each takes address space, which a sandbox limits
HTTP_THREADS = 4
ERRORS_ONLY = 1  # llama.cpp's log level; its log goes to standard error


def describe_server(model: str, port: int, threads: int) -> xllamacpp.CommonParams:
    """Return llama.cpp's settings: embeddings, and what else can be switched off is."""
    settings = xllamacpp.CommonParams()
    settings.model.path = model
    settings.model_alias = {ALIAS}
    settings.hostnames = [HOST]
    settings.port = port
    settings.embedding = True
    settings.n_batch = settings.n_ubatch  # a text must fit one batch to be pooled
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    settings.n_threads_http = HTTP_THREADS
    settings.cache_prompt = False
    settings.cache_ram_mib = 0
    settings.offline = True
    settings.ui = False
    settings.endpoint_slots = False
    settings.cors_origins = ""  # no web page of elsewhere may read the answers
    settings.cors_credentials = False
    settings.fit_params = False  # there is no accelerator's memory to fit into
    settings.verbosity = ERRORS_ONLY
    return settings


def start_server(model: str, *, port: int, threads: int | None = None) -> xllamacpp.Server:
    """Return a server that answers at its ``listening_address``; port 0 takes a free one.

    It stops when the last reference to it goes. Raises RuntimeError if the model cannot be
    loaded or the port is taken; llama.cpp has said which on standard error.
    """
    threads = threads or min(MAX_THREADS, len(os.sched_getaffinity(0)))
    return xllamacpp.Server(describe_server(model, port, threads))


def main() -> int:
    """Serve until a signal says stop; return the exit status."""
    parser = argparse.ArgumentParser(description="Serve one GGUF embedding model.")
    parser.add_argument("--model", required=True, help="the GGUF file")
    parser.add_argument("--port", required=True, type=int, help=f"the TCP port on {HOST}")
    parser.add_argument("--threads", type=int, help=f"default: one a processor, {MAX_THREADS} at most")
    arguments = parser.parse_args()
    # blocked before llama.cpp starts its threads, which inherit it: only sigwait() gets them
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        server = start_server(arguments.model, port=arguments.port, threads=arguments.threads)
    except RuntimeError as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    print(f"serve: listening on {server.listening_address}", file=sys.stderr, flush=True)
    signal.sigwait(STOP_SIGNALS)
    del server  # closes the socket and joins the threads
    return 0


if __name__ == "__main__":
    sys.exit(main())
