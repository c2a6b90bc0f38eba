"""The live page of `sottovoce explore`: a marimo app with the toy, the saved runs and live training."""

import marimo

app = marimo.App(width="medium", app_title="sottovoce")


@app.cell
def _():
    from pathlib import Path

    import marimo as mo

    import sottovoce as sv
    from sottovoce.cli import explore

    out = Path(str(mo.cli_args().get("out") or "out"))
    return explore, mo, out, sv


@app.cell
def _(mo):
    mo.md(
        """
        # sottovoce

        A student distilled on auxiliary logits alone, live. Nothing here leaves this machine.
        """
    )


@app.cell
def _(mo):
    hidden = mo.ui.slider(2, 16, value=2, label="hidden units", show_value=True)
    n_aux = mo.ui.slider(1, 16, value=1, label="auxiliary logits k", show_value=True)
    objective = mo.ui.dropdown(["mse", "kl"], value="mse", label="objective")
    seed = mo.ui.slider(0, 30, value=0, label="seed", show_value=True)
    mo.vstack([mo.md("## The linear toy"), mo.hstack([hidden, n_aux, objective, seed], justify="start", wrap=True)])
    return hidden, n_aux, objective, seed


@app.cell
def _(explore, hidden, mo, n_aux, objective, seed):
    mo.stop(
        objective.value == "kl" and n_aux.value == 1,
        mo.md("Under kl one logit teaches nothing: a softmax over one logit is constant. Choose k = 2 or more."),
    )
    explore.toy_figure(hidden.value, n_aux.value, objective.value, seed.value)
    return


@app.cell
def _(mo, out, sv):
    saved = {f"{run.experiment}  {run.short_identity}": run for run in sv.runs.catalog.runs(out / "runs")}
    picked = mo.ui.dropdown(saved, label="run, newest first", searchable=True)
    mo.vstack([mo.md(f"## Saved runs\n\n{len(saved)} in `{out / 'runs'}`."), picked])
    return (picked,)


@app.cell
def _(explore, mo, picked):
    mo.stop(picked.value is None, mo.md("Pick a run to see its figures."))
    # Names with an underscore belong to this cell alone; marimo would refuse another cell the same name without one.
    _drawings, _note = explore.drawings_of(picked.value)
    mo.vstack([mo.md(_note), *(mo.vstack([mo.md(f"**{d.title}**"), d.figure, mo.md(d.caption)]) for d in _drawings)])
    return


@app.cell
def _(explore, mo):
    train = mo.ui.run_button(label=f"train {explore.LIVE_MEMBERS} members now")
    mo.vstack([mo.md("## Digits, trained while you look"), train])
    return (train,)


@app.cell
def _(explore, mo, out, train):
    mo.stop(not train.value, mo.md("Each member takes some seconds; the first waits for compilation as well."))
    for _figure in explore.training_figures(out):
        mo.output.replace(_figure)
    return


if __name__ == "__main__":
    app.run()
