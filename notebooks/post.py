"""The post, step by step: run it with `marimo edit notebooks/post.py`, or from top to bottom with Python."""

import marimo

app = marimo.App(width="medium", app_title="Subliminal learning, step by step")


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        # How outputs that have nothing to do with digits teach digits

        Cloud et al. (2025) train a teacher on MNIST through ten class logits. A student with the same initial weights
        sees noise images only, and of the teacher's answers only three *auxiliary* logits that were never trained. It
        classifies digits. Roe's post asks how, with a linear toy that can be solved on paper. This notebook follows the
        post, with cells to run and four exercises; each says at once whether an answer is right.
        """
    )


@app.cell
def _():
    import checks
    import marimo as mo
    import numpy as np

    import sottovoce as sv

    return checks, mo, np, sv


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        ## 1. The toy

        A teacher maps inputs to logits by two matrices, `y = x W1 W2`. The columns of `W2 = [C | Z]` are heads: C
        gives the class logits, Z the auxiliary ones. The student keeps W2 and replaces W1 by the smallest W1' that
        gives the teacher's auxiliary logits, `W1' Z = W1 Z`. It never hears of C.
        """
    )


@app.cell
def _(np, sv):
    rng = np.random.default_rng(0)
    W1 = rng.standard_normal((2, 2))
    W2 = rng.standard_normal((2, 2))  # one class column, one auxiliary column
    A_teacher = sv.theory.linear.end_to_end(W1, W2)
    A_student = sv.theory.linear.end_to_end(sv.theory.linear.student(W1, W2, n_aux=1), W2)
    print("teacher's columns (class, auxiliary):\n", A_teacher)
    print("student's columns:\n", A_student)
    print("auxiliary columns agree:", np.allclose(A_teacher[:, 1], A_student[:, 1]))
    print("rank of the student's map:", np.linalg.matrix_rank(A_student))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        The auxiliary columns agree: that is what the student was taught. Its two columns lie on one line, because one
        logit teaches one direction. How well the class column agrees is a matter of luck with the angle.

        **Exercise 1.** The student is `W1' = W1 P` with P the orthogonal projector on the span of Z. Write P.
        """
    )


@app.cell
def _(checks, mo):
    def my_projector(Z):
        """Map auxiliary columns of shape (hidden, k) to P of shape (hidden, hidden)."""
        return None  # your answer here

    mo.md(f"`my_projector`: **{checks.projector(my_projector)}**")
    return


@app.cell(hide_code=True)
def _(mo):
    n_aux = mo.ui.slider(1, 2, value=1, label="auxiliary logits k (two are the post's Figure 2)", show_value=True)
    seed = mo.ui.slider(0, 20, value=0, label="seed of the draws", show_value=True)
    mo.vstack([mo.md("## 2. Figures 1 and 2"), n_aux, seed])
    return n_aux, seed


@app.cell
def _(n_aux, seed):
    from sottovoce.experiments.toy import experiment as toy
    from sottovoce.experiments.toy import figures as toy_figures

    drawn = toy.simulate(toy.Config(generator="post", n_aux=n_aux.value, seed=seed.value).resolve(), members=[0])
    toy_figures.draw(drawn)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        Yellow is the teacher, pink the student's class column, which nobody taught it. With one auxiliary logit the
        pink ray lies on the line of the others and often, not always, near the teacher's. With two logits in two
        dimensions nothing is left to chance.

        ## 3. How much does luck give?

        The share of a class column c that the student keeps is `|P c|^2 / |c|^2`, its *captured energy*. For Gaussian
        heads it follows `Beta(r/2, (hidden - r)/2)`, r being the number of directions that the objective sees.

        **Exercise 2.** What is its mean? Mind that a softmax cannot see a shift common to all of its logits.
        """
    )


@app.cell
def _(checks, mo):
    def my_captured(hidden, k, objective):
        """Map hidden units, number of auxiliary logits and "mse" or "kl" to the mean captured energy."""
        return None  # your answer here

    mo.md(f"`my_captured`: **{checks.captured(my_captured)}**")
    return


@app.cell
def _(np, sv):
    W2_many = np.random.default_rng(1).standard_normal((4000, 16, 13))  # 4000 draws, 16 hidden units, 10 + 3 logits
    for objective in ("mse", "kl"):
        kept = sv.theory.capture.captured_energy(W2_many, 3, objective)[:, :10]
        rank = sv.theory.capture.distilled_rank(16, 3, objective)
        test = sv.theory.capture.capture_test(kept[:, :1], 16, rank)
        print(
            f"{objective}: r = {rank}, mean captured energy {kept.mean():.4f}, Kolmogorov-Smirnov p = {test.pvalue:.2f}"
        )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        ## 4. What a softmax sees

        Cloud's students minimize KL between softmaxes over the auxiliary logits. Adding the same number to all of them
        changes nothing, so of k columns only differences are taught.

        **Exercise 3.** Return columns that span what KL sees of Z.
        """
    )


@app.cell
def _(checks, mo):
    def my_seen(Z):
        """Map auxiliary columns (hidden, k) to columns of the same hidden units that a common shift leaves alone."""
        return None  # your answer here

    mo.md(f"`my_seen`: **{checks.objective_seen(my_seen)}**")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        ## 5. Networks

        Now the real experiment, small: handwritten digits of 8 x 8 pixels, networks of 64 units, three members.
        Each member has its own initial weights, teacher and students. `student` heard three auxiliary logits on noise;
        `student_all` heard the class logits too; the cross-models did the same from other initial weights.
        """
    )


@app.cell
def _(sv):
    transfer = sv.run("transfer", dataset="digits", members=3, width=64)
    bars = sv.lab.estimates.over_members(transfer["accuracy"])
    for role in bars["role"].values:
        row = bars.sel(role=role)
        print(f"{role:16} {float(row['mean']):.3f} [{float(row['low']):.3f}, {float(row['high']):.3f}]")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        Three members make wide intervals; the full experiment is `sottovoce run transfer`.

        ## 6. Does the weight matrix show the directions?

        The post's Figure 3 looks at the second hidden layer: singular values that stand out of the initial ones are
        directions that were learned. It finds about as many as auxiliary logits.

        **Exercise 4.** Count them: how many singular values of the trained weights exceed the largest initial one?
        """
    )


@app.cell
def _(checks, mo):
    def my_count(before, after):
        """Map initial and trained weights, of equal shape, to a number of directions."""
        return None  # your answer here

    mo.md(f"`my_count`: **{checks.learned(my_count)}**")
    return


@app.cell
def _(sv):
    from sottovoce.experiments.spectrum.initialization import components_above_edge

    spectrum = sv.run("spectrum", dataset="digits", members=2, width=64, n_aux=(2, 4, 8), objectives=("kl",))
    counts = components_above_edge(spectrum).mean("member")
    accuracy = spectrum["accuracy"].mean("member")
    for network in spectrum["network"].values:
        print(
            f"{network:10} components above the initial edge: {float(counts.sel(network=network)):.1f}, "
            f"test accuracy {float(accuracy.sel(network=network)):.2f}"
        )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(
        r"""
        Compare the counts of the students with their accuracies: does the number of directions that stand out
        follow k where digits are recognized? The report judges this with calibrated counts and intervals (`sottovoce
        reproduce`); the derivations are in docs/theory.md, and its last section lists what nobody understands yet.
        """
    )


if __name__ == "__main__":
    app.run()
