import pytest

from model_file import examine, rules_of

LOOP = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%99999999999d'|format(1) }}",
        "{{ '%-99999s'|format(x) }}",
        "{{ '%.99999f'|format(1) }}",
        "{{ '%99999999d' % 1 }}",
        "{{ '{:>99999999}'.format(1) }}",
        "{{ '{0:.99999999f}'.format(1) }}",
        "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
    ],
)
def test_a_width_or_a_loop_without_end(template: str) -> None:
    assert "template-exhaustion" in rules_of(examine("chat_template.jinja", (template + LOOP).encode()))


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%05d'|format(1) }}",
        "{{ '%s: %s'|format(a, b) }}",
        "{{ '%.2f' % 1 }}",
        "{{ 'at 12:34567 %'|format() }}",
        "{% for m in messages recursive %}{{ m.content }}{{ loop(m.children) }}{% endfor %}",
        "{% for m in messages %}{{ loop.index }}{% endfor %}",
    ],
)
def test_ordinary_formats_and_loops(template: str) -> None:
    assert "template-exhaustion" not in rules_of(examine("chat_template.jinja", (template + LOOP).encode()))
