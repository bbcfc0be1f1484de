"""The template language reads what is documented and nothing else, and cannot run away."""

import time

import pytest

from modules.backorder_email.domain.facts import CustomerFacts
from modules.backorder_email.errors import TemplateRefused
from tests.backorder_email.facts import text_of


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ order.number }} of {{ customer.name }} by {{ company.name }}", "SO1 of Acme by Us"),
        ("{{ cause }} {{ status }}", "purchase_allocated Delayed"),
        ("{{ order.ordered_at }}", "2026-11-02 09:30"),
        ("{{ order.ordered_at.strftime('%d.%m.%Y') }}", "02.11.2026"),
        ("{{ lines[0].promise_date }}|{{ lines[0].old_promise_date }}|", "2026-12-01||"),
        ("{{ lines[0].promise_date|date('%d %b') }}{{ lines[0].old_promise_date|date }}", "01 Dec"),
        ("{{ lines[0].old_promise_date or 'soon' }}", "soon"),
        ("{% for line in lines %}{{ loop.index }}/{{ loop.length }} {{ line.sku }};{% endfor %}", "1/2 P-1;2/2 P-1;"),
        ("{% for line in lines if line.quantity > 9 %}x{% else %}none{% endfor %}", "none"),
        (
            "{{ lines|length }} {{ lines|sum('quantity') }} {{ lines|map(attribute='sku')|join(', ') }}",
            "2 5.0 P-1, P-1",
        ),
        ("{{ lines|join('+', attribute='sku') }}", "P-1+P-1"),
        ("{% for po, of in lines|groupby('purchase_order') %}{{ po }}:{{ of|length }}{% endfor %}", "PO1:2"),
        (
            "{{ lines[0].quantity * 2 }} {{ lines[0].quantity + 1 }} {{ (lines[0].quantity * 3)|round(1) }}",
            "5.0 3.5 7.5",
        ),
        ("{{ 'a' ~ lines[0].quantity ~ none ~ 'b' }}", "a2.5b"),
        ("{{ '-' * 5 }}{{ 'a' + 'b' }}", "-----ab"),
        ("{% if cause in ('purchase_allocated', 'x') and status is defined %}yes{% endif %}", "yes"),
        ("{% set who = customer.name|upper %}{{ who }}", "ACME"),
        (
            "{% set n = namespace(t=0) %}{% for l in lines %}{% set n.t = n.t + l.quantity %}{% endfor %}{{ n.t }}",
            "5.0",
        ),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ customer.name|replace('c', 'k')|title }} {{ 'abcdef'|truncate(4, true, '', 0) }}", "Akme abcd"),
        ("a\n\n{# nothing #}b", "a\n\nb"),
    ],
)
def test_what_a_template_may_do(body, expected):
    assert text_of(body) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\n\n{{ nothing }}", "line 3): there is no variable 'nothing'; known are order, customer"),
        ("x\n{{ order.password }}", "line 2): 'OrderFacts object' has no attribute 'password'"),
        ("\n{% for line in lines %}\n{{ line.price }}{% endfor %}", "line 3)"),
        ("{{ lines[5].sku }}", "has no element 5"),
        ("{% if %}", "line 1)"),
        ("a\n{% for line in lines %}\nb", "line 2)"),
        ("{{ lines }}", "cannot be printed"),
        ("{{ order }}", "cannot be printed"),
        ("{{ order.number|safe }}", "No filter named 'safe'"),
        ("{{ order|attr('number') }}", "No filter named 'attr'"),
        ("{{ lines|map('safe')|join }}", "No filter named 'safe'"),
        ("{{ order.__class__ }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ order.ordered_at.__class__.__subclasses__() }}", "__subclasses__() is not available"),
        ("{{ lines|map(attribute='__class__')|join }}", ""),
        ("{{ order.ordered_at.astimezone() }}", "astimezone() is not available"),
        ("{{ '{0.__class__}'.format(order) }}", "format() is not available"),
        ("{{ cycler }}", "there is no variable 'cycler'"),
        ("{{ _steps }}", "there is no variable '_steps'"),
        ("{{ self.x() }}", "not available"),
        ("{% include 'secrets' %}", "include is not available"),
        ("{% import 'os' as os %}", "import is not available"),
        ("{% extends 'x' %}", "extends is not available"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macro is not available"),
        ("{% for l in lines recursive %}{{ loop(lines) }}{% endfor %}", "not available"),
        ("{{ range(*lines) }}", "* and ** are not available"),
        ("{{ [lines, lines] }}", "a list may hold only fixed values"),
        ("{{ {'a': 1} }}", "dict is not available"),
        ("{{ 2 ** 99999999 }}", "pow is not available"),
        ("{{ '%s' % order }}", "does not work"),
        ("{{ 'a' + 1 }}", "does not work"),
        ("{{ lines + lines }}", "does not work"),
        ("{{ lines|sum('sku') }}", "sum needs numbers"),
        ("{{ order.number|date }}", "date needs a date"),
        ("{{ 1 / 0 }}", "division by zero"),
    ],
)
def test_what_a_template_may_not_do_is_refused_with_its_line(body, reason):
    with pytest.raises(TemplateRefused) as refusal:
        text_of(body)
    assert reason in str(refusal.value)
    assert refusal.value.facts["part"] == "body"


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in range(1000) %}" * 3 + "{% endfor %}" * 3,
        "{% for i in range(999999999) %}{% endfor %}",
        "{% for i in range(1000) %}{{ 'x' * 1000 }}{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x ~ x %}" * 60,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x + x %}" * 60,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x|replace('x', x) %}" * 9,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x|list|join(x) %}" * 9,
        "{% set x = 9 %}" + "{% set x = x * x %}" * 60,
        "{% set n = namespace(x='xx') %}{% for i in range(900) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{{ lines[0].quantity|round(999999999) }}",
        "{{ order.ordered_at|date('%Y' * 99999) }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "x" * 100_001,
    ],
)
def test_nothing_runs_away(body):
    started = time.monotonic()
    with pytest.raises(TemplateRefused):
        text_of(body)
    assert time.monotonic() - started < 3


def test_jinja_in_a_name_is_text():
    made = text_of("{{ customer.name }}", customer=CustomerFacts("{{ order.number }}{% for %}"))
    assert made == "{{ order.number }}{% for %}"
