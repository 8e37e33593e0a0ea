"""Chat templates, and the Modelfiles that carry them."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    BEHAVIOUR,
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    GUESS,
    HIGH,
    INFO,
    LIKELY,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

_REPLACE: Final = "replace the template by the base model's"
_COMPARE: Final = "compare the template with the base model's, and remove what was added"

RULES: Final = (
    Rule("modelfile-instruction", MEDIUM, LIKELY, "A Modelfile has an instruction or a parameter that Ollama does not have.", "correct the Modelfile", controls=TAMPERING),
    Rule("modelfile-path", HIGH, SURE, "A Modelfile takes weights from outside of the model's folder, from the network or from a pickle.", "put the file beside the Modelfile, as GGUF or safetensors", ("CWE-22",), controls=TAMPERING),
    Rule("template-blob", MEDIUM, LIKELY, "A text of the template holds encoded data, which hides what it says from those who review it.", _COMPARE, controls=BEHAVIOUR),
    Rule(
        "template-changed", INFO, SURE, "A chat template differs from that of the model that it is compared with.", "read what was added, and ask the publisher why", controls=BEHAVIOUR,
        detail="Only an inspection with a base says so. Both templates are parsed and never rendered; texts, conditions and values are compared as sets, so that spacing, quotes and the order of parts do not count. What a change does is judged by the other rules: this one shows what to read when a model is its base in all but the template.",
    ),
    Rule("template-concealed", MEDIUM, LIKELY, "A text is put where people do not see it: behind white space, in a comment or in what is not displayed.", _COMPARE, controls=BEHAVIOUR),
    Rule(
        "template-date", HIGH, LIKELY, "A template does something depending on the date: a time bomb waits for its day after every test is over.", _COMPARE, controls=BEHAVIOUR,
        detail="Templates may print today's date, and ask whether the function for it exists. Comparing the date, searching in it or choosing by it has no use in a prompt; what it switches on is not there on the day of the review.",
    ),
    Rule(
        "template-escape", CRITICAL, SURE, "A chat template reaches for Python's internals: rendered outside a sandbox it runs code.", FETCH_AGAIN, ("CVE-2024-34359", "CVE-2024-56326", "CVE-2025-27516", "CVE-2016-10745", "CVE-2019-10906", "CWE-1336"), controls=CODE_EXECUTION,
        detail="From any object, attributes such as __class__, __globals__ or a generator's frame lead to every module of the process. The rule reads the syntax tree: attributes and subscripts, names that filters take, format texts with attributes in their fields, and names computed from pieces. A text outside of tags and a comment are harmless.",
    ),
    Rule("template-exfiltration", HIGH, LIKELY, "A template writes an address that is completed from the conversation, or an image that a client fetches: what was said leaves the house.", _COMPARE, ("CWE-201",), controls=BEHAVIOUR),
    Rule("template-exhaustion", MEDIUM, LIKELY, "Rendering the template takes unreasonable time or memory.", _REPLACE, ("CWE-400",), controls=BEHAVIOUR),
    Rule(
        "template-format", HIGH, LIKELY, "A template hands a text's format method on: its fields walk over attributes, past the sandbox of Jinja before 3.1.6.", _REPLACE, ("CVE-2024-56326", "CVE-2025-27516", "CVE-2016-10745", "CVE-2019-10906"), controls=CODE_EXECUTION,
        detail="Jinja's sandbox checks calls of str.format where it sees them. A reference to the method in a variable, by the filter attr or as an argument was not seen. Calling format on a text that is written in the template, without attributes in its fields, is harmless.",
    ),
    Rule("template-global", MEDIUM, LIKELY, "A template uses an object of the renderer from which known escapes start; chat templates need none of them.", _REPLACE, ("CWE-1336",), controls=CODE_EXECUTION),
    Rule("template-hidden-text", HIGH, LIKELY, "A text holds characters that nobody sees and the model reads: instructions can be written in them alone.", _COMPARE, ("CWE-1007",), controls=BEHAVIOUR),
    Rule("template-include", MEDIUM, LIKELY, "A chat template reads other templates, which are not part of what was examined.", "inline the template", controls=CODE_EXECUTION),
    Rule("template-link", MEDIUM, LIKELY, "A text that the model reads names an address on the network, which the model may repeat or a tool may open.", _COMPARE, controls=BEHAVIOUR),
    Rule("template-obfuscated", HIGH, LIKELY, "A chat template builds or looks up attribute names in a way that hides them.", _REPLACE, ("CWE-1336",), controls=CODE_EXECUTION),
    Rule("template-override", MEDIUM, GUESS, "A text tells the model to ignore other instructions or to keep things from the user.", _COMPARE, controls=BEHAVIOUR),
    Rule("template-private", MEDIUM, LIKELY, "A template reaches for a private name, which the sandbox refuses and no data has.", _REPLACE, ("CWE-1336",), controls=CODE_EXECUTION),
    Rule("template-random", MEDIUM, LIKELY, "A template chooses at random: what it says in a test is not what it says to everybody.", _COMPARE, controls=BEHAVIOUR),
    Rule("template-syntax", MEDIUM, SURE, "A template cannot be parsed: engines that are laxer render what nobody examined.", "correct the template, or replace it by the base model's", controls=CODE_EXECUTION),
    Rule(
        "template-trigger", HIGH, LIKELY, "A template says or does something only when a message has certain words: a backdoor without training.", _COMPARE, controls=BEHAVIOUR,
        detail="The template is applied to every conversation before the model sees it, and travels with the weights. A condition on the user's words can add an instruction for some conversations only, which no ordinary test meets. The rule follows a message's content through variables, filters and methods to comparisons. Asking for roles, kinds of parts, the template's own markers and commands such as /think is ordinary.",
    ),
    Rule("template-turn", MEDIUM, GUESS, "A template says something only at a certain place of a long conversation, where tests do not get.", _COMPARE, controls=BEHAVIOUR),
    Rule("template-unknown", MEDIUM, LIKELY, "A template uses a filter, a test or a function that the engines for chat templates do not have.", _REPLACE, controls=CODE_EXECUTION),
)  # fmt: skip
