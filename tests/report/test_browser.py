"""The page in headless Chromium: silent, alone, fit for phones, and a toy that agrees with the theory."""

import json

import numpy as np
import pytest

from sottovoce.theory import linear

# The page computes a handful of products of numbers below 3 in float64; text carries them without loss.
ROUNDING = 1e-13


def state(tab):
    return json.loads(tab.locator("#bench").get_attribute("data-state"))


def numbers(tab):
    """Return (cosine, error, teacher x, teacher y, student x, student y) by logit, as the table holds them."""
    rows = tab.locator("#bench tbody tr").all()
    read = "cells => cells.map(cell => cell.value)"
    return np.array([row.locator("data").evaluate_all(read) for row in rows]).astype(float).T


def choose(tab, k, objective):
    tab.locator(f"input[name=k][value='{k}']").check()
    tab.locator(f"input[name=objective][value={objective}]").check()


def handle(tab, name):
    return tab.locator(f"[data-column={name}]")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_page_is_silent_alone_and_never_wider_than_the_screen(open_page, width, theme):
    tab = open_page(width, theme)
    tab.locator("#theme").click()
    tab.get_by_role("button", name="Random weights").click()
    assert tab.said == []
    assert [url for url in tab.asked if not url.startswith("data:")] == [tab.url]
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_policy_is_in_force(open_page):
    tab = open_page()
    directive = tab.evaluate(
        """new Promise(resolve => {
            addEventListener("securitypolicyviolation", event => resolve(event.violatedDirective));
            document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/x.png" }));
        })"""
    )
    assert directive == "img-src"


def test_wide_figures_scroll_in_their_own_frame_on_a_phone(open_page):
    tab = open_page(390)
    sheet = tab.locator("#figure-bars .sheet")
    seen, whole = sheet.evaluate("s => [s.clientWidth, s.scrollWidth]")
    assert whole > 360 > seen * 0.9
    assert seen <= 390
    drawn = tab.locator("#figure-bars svg").bounding_box()
    assert drawn["width"] >= 360


def test_theme_follows_the_system_until_the_reader_chooses(open_page):
    ground = "getComputedStyle(document.body).backgroundColor"
    tab = open_page(theme="light")
    light = tab.evaluate(ground)
    tab.emulate_media(color_scheme="dark")
    dark = tab.evaluate(ground)
    assert light != dark
    tab.get_by_role("button", name="Light theme").click()
    assert tab.evaluate(ground) == light
    tab.reload()
    assert tab.evaluate(ground) == light
    assert tab.get_by_role("button", name="Dark theme").is_visible()


def test_first_stop_of_the_keyboard_is_the_skip_link(open_page):
    tab = open_page()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("objective", linear.OBJECTIVES)
@pytest.mark.parametrize("k", [1, 2])
def test_toy_agrees_with_the_theory(open_page, k, objective):
    tab = open_page()
    choose(tab, k, objective)
    for _ in range(4):
        now = state(tab)
        assert (now["k"], now["objective"]) == (k, objective)
        W1, W2 = np.transpose(now["W1"]), np.transpose(now["W2"])
        teacher = linear.end_to_end(W1, W2)
        student = linear.end_to_end(linear.student(W1, W2, k, objective), W2)
        cosine, error, *columns = numbers(tab)
        # The projector divides by the length of the seen direction, and so do its rounding errors.
        tolerance = ROUNDING * (1 + np.linalg.cond(W2[:, -2:]))
        np.testing.assert_allclose(columns, [*teacher, *student], rtol=0, atol=tolerance)
        lengths = np.linalg.norm(teacher, axis=0)
        if k == 1 and objective == "kl":
            assert np.isnan(cosine).all()
        else:
            dots = (teacher * student).sum(axis=0) / lengths / np.linalg.norm(student, axis=0)
            np.testing.assert_allclose(cosine, dots, rtol=0, atol=tolerance / lengths.min())
        expected = np.linalg.norm(student - teacher, axis=0) / lengths
        np.testing.assert_allclose(error, expected, rtol=0, atol=tolerance / lengths.min())
        tab.get_by_role("button", name="Random weights").click()


def test_toy_says_that_one_logit_teaches_nothing_under_kl(open_page):
    tab = open_page()
    choose(tab, 1, "kl")
    assert "no gradient" in tab.locator("#bench [role=status]").inner_text()
    assert tab.locator("#bench tbody tr").first.inner_text().split("\t")[2] == "undefined"


@pytest.mark.parametrize("width", [390, 1440])
def test_a_dragged_vector_follows_the_pointer_and_moves_the_student(open_page, width):
    tab = open_page(width)
    before, table = state(tab), numbers(tab)
    knob = handle(tab, "W2-3")
    knob.scroll_into_view_if_needed()
    plane = tab.locator("svg[data-plane=W2]").bounding_box()
    box = knob.locator(".knob").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    # 320 units across, 100 to one: (-0.5, 0.8) lies at (-50, -80) from the middle.
    unit = plane["width"] / 320
    x, y = plane["x"] + plane["width"] / 2 - 50 * unit, plane["y"] + plane["height"] / 2 - 80 * unit
    tab.mouse.move(x, y, steps=4)
    tab.mouse.up()
    after = state(tab)
    # One pixel of the screen, as the browser may round the pointer's position.
    np.testing.assert_allclose(after["W2"][2], [-0.5, 0.8], atol=0.01 / unit)
    assert after["W1"] == before["W1"]
    assert after["W2"][:2] == before["W2"][:2]
    moved = numbers(tab)
    assert np.abs(moved[4:, 0] - table[4:, 0]).max() > 0.1
    np.testing.assert_array_equal(moved[2:4, :2], table[2:4, :2])
    tab.mouse.move(x + 8, y)  # still over the handle
    assert state(tab) == after, "a released handle must stay"


def test_arrow_keys_move_a_focused_vector(open_page):
    tab = open_page()
    start = np.array(state(tab)["W1"][0])
    knob = handle(tab, "W1-1")
    knob.focus()
    for key, step in {"ArrowRight": [0.05, 0], "ArrowUp": [0, 0.05], "Shift+ArrowLeft": [-0.25, 0]}.items():
        tab.keyboard.press(key)
        start = start + step
        np.testing.assert_allclose(state(tab)["W1"][0], start, atol=ROUNDING)
    tab.keyboard.press("Shift+ArrowDown")
    assert knob.get_attribute("aria-valuetext") == "0.750, 0.100"
    for _ in range(20):
        tab.keyboard.press("Shift+ArrowRight")
    assert state(tab)["W1"][0][0] == 1.5, "the plane ends at 1.5"


def test_all_five_vectors_are_named_and_within_reach_of_the_keyboard(open_page):
    tab = open_page()
    assert tab.get_by_role("slider").count() == 5
    tab.locator("[name=random]").focus()
    reached = []
    for _ in range(6):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.dataset.column"))
    assert reached[1:] == ["W1-1", "W1-2", "W2-1", "W2-2", "W2-3"]
    assert tab.get_by_role("slider", name="column 3 of W2, z").count() == 1


def test_start_again_brings_back_weights_and_choices(open_page):
    tab = open_page()
    first = state(tab)
    choose(tab, 2, "kl")
    tab.get_by_role("button", name="Random weights").click()
    assert state(tab) != first
    tab.get_by_role("button", name="Start again").click()
    tab.wait_for_function(
        "start => document.getElementById('bench').dataset.state === start", arg=json.dumps(first).replace(" ", "")
    )


def readout(tab):
    """Return the lines of the values shown on hover."""
    return [text for text in tab.locator("#figure-lines .readout").inner_text().split("\n") if text]


@pytest.mark.parametrize("width", [390, 1440])
def test_curves_show_their_values_under_the_pointer(open_page, curves, width):
    tab = open_page(width)
    drawing = tab.locator("#figure-lines svg")
    drawing.scroll_into_view_if_needed()
    box, (panel,) = drawing.bounding_box(), curves
    unit = box["width"] / (5 * 72)  # the drawing is five inches wide
    first, second = panel["curves"]
    tab.mouse.move(box["x"] + (second["left"][0] + 20) * unit, box["y"] + (panel["box"][1] + 60) * unit)
    assert readout(tab) == ["component 1", "first", "1.00", "second <b>", "1.25"]
    dots = tab.locator("#figure-lines .cursor circle")
    assert [float(dot.get_attribute("cx")) for dot in dots.all()] == [first["left"][1], second["left"][0]]
    assert [float(dot.get_attribute("cy")) for dot in dots.all()] == [first["top"][1], second["top"][0]]
    tab.mouse.move(box["x"] + (first["left"][0] + 8) * unit, box["y"] + (panel["box"][1] + 60) * unit)
    assert readout(tab) == ["component 0", "first", "4.00"], "a curve without a point here says nothing"
    assert dots.count() == 0, "a value above the panel has no place in it"
    tab.mouse.move(box["x"] + 2, box["y"] + 2)
    assert tab.locator("#figure-lines .readout").is_hidden()
    assert tab.said == []


def test_curves_show_their_values_at_the_arrow_keys(open_page):
    tab = open_page()
    tab.locator("#figure-lines .drawing").focus()
    tab.keyboard.press("ArrowRight")
    assert readout(tab)[0] == "component 0"
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    assert readout(tab) == ["component 2", "first", "0.00", "second <b>", "0.500"]
    tab.keyboard.press("Escape")
    assert tab.locator("#figure-lines .readout").is_hidden()
    assert tab.locator("#figure-bars [data-hover]").count() == 0
