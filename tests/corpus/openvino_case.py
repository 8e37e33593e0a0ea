"""OpenVINO models: the XML, which names ranges of the file beside it."""

from corpus.case import Case, accept, reject

HEAD = '<?xml version="1.0"?>\n'


def layer(kind: str, version: str = "opset1", inner: str = "") -> str:
    return f'<layer id="0" name="a" type="{kind}" version="{version}">{inner}</layer>'


def constant(offset: object, size: object, shape: str = "2", kind: str = "f32") -> str:
    return layer(
        "Const", inner=f'<data element_type="{kind}" shape="{shape}" offset="{offset}" size="{size}"/>'
    )


def model(*layers: str, head: str = HEAD) -> bytes:
    return f'{head}<net name="m" version="11"><layers>{"".join(layers)}</layers><edges/></net>'.encode()


def cases() -> list[Case]:
    body = layer("Loop", inner=f"<body><layers>{layer('Run', 'vendor')}</layers></body>")
    entity = '<!DOCTYPE net [<!ENTITY a "b">]>'
    outside = '<!DOCTYPE net SYSTEM "file:///etc/passwd">'
    tensor, broken, entities = "openvino-tensor", "openvino-structure", "openvino-entity"
    deep = "<a>" * 300 + "</a>" * 300
    return [
        accept("openvino/ok.xml", model(layer("Parameter"), constant(0, 8), constant(8, 3, "5", "i4")), "constants in the file beside it"),
        accept("openvino/scalar.xml", model(constant(0, 4, "")), "a constant without dimensions"),
        accept("openvino/old.xml", model(layer("Const", "", '<blobs><custom offset="0" size="8"/></blobs>')), "a model of an earlier version"),
        reject("openvino/custom.xml", model(layer("Run", "vendor")), "a layer of no operation set", "openvino-custom-operator"),
        reject("openvino/custom-nested.xml", model(body), "the same in a body", "openvino-custom-operator"),
        reject("openvino/extension.xml", model(layer("Run", "extension")), "a layer of an unknown extension", "openvino-custom-operator"),
        reject("openvino/tokenizer.xml", model(layer("RegexSplit", "extension")), "a layer of openvino-tokenizers", "openvino-extension-operator"),
        reject("openvino/entity.xml", model(head=entity), "an entity", entities, not_examined="document type"),
        reject("openvino/system.xml", model(head=outside), "a document type in a file of the machine", entities, not_examined="document type"),
        reject("openvino/size.xml", model(constant(0, 800)), "another size than the shape needs", tensor),
        reject("openvino/negative.xml", model(constant(-8, 8)), "a negative offset", tensor),
        reject("openvino/overflow.xml", model(constant((1 << 63) - 4, 8)), "an end beyond 63 bits", tensor),
        reject("openvino/shape.xml", model(constant(0, 8, "2,-1")), "a negative dimension", tensor),
        reject("openvino/product.xml", model(constant(0, 0, "4294967296,4294967296")), "a product that is 0 in 64 bits", tensor),
        reject("openvino/cut.xml", model(layer("Add"))[:-9], "cut", broken, not_examined="cannot be read"),
        reject("openvino/junk.xml", model(layer("Add")) + b"<more/>", "something behind the model", broken, not_examined="cannot be read"),
        reject("openvino/other.xml", b'<a><net version="11"/></a>', "another root", broken, not_examined="no model"),
        reject("openvino/deep.xml", model(deep), "elements nested too deep", not_examined="nest deeper"),
    ]  # fmt: skip
