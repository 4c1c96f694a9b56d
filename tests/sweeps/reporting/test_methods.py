"""Methods and checklist are written from a study's own settings."""

from after_ray.annotation import AnnotationSettings
from sweeps.reporting.in_words import annotation_in_words
from sweeps.reporting.methods import checklist_of, methods_of
from tests.sweeps.small import small_study

TRANSFORMER = {
    "classifier": {"name": "pooled_transformer", "fitting": {"max_epochs": 3, "learning_rate": 0.003}},
    "backbone": {"config": {"hidden_size": 48}},
    "adaptation": ["none", {"name": "tapt", "steps": 60, "batch_seconds": 20, "repeat": "per_seed"}],
    "initialization": "clustering",
    "seed": [0, 1, 2],
}


def told(opened):
    return " ".join(methods_of(opened))


def test_data_loop_and_repeats_are_told(tmp_path):
    text = told(small_study(tmp_path))
    for words in (
        "synthetic has 120 utterances of 6 speakers in 4 classes",
        "test folds: 3 groups of speakers; run: 0 (counted from 0)",
        "acoustic functionals with multinomial logistic regression (L2, C = 1)",
        "Round 0 (10 % of train, at least 2 times as many utterances as classes) is chosen by random draw",
        "retrained at 20, 40 % of train, each time after acquiring by random or entropy",
        "Every combination is planned with 1 seed on each of its folds; seeds vary initial sets; folds and",
    ):
        assert words in text, words
    assert "Backbone" not in text
    assert "weights of the round before" not in text  # logistic regression goes on from nothing


def test_a_transformer_tells_its_training_and_its_adaptation(tmp_path):
    text = told(small_study(tmp_path, **TRANSFORMER))
    for words in (
        "Backbone: a configuration of its own with random weights.",
        "adapted by tapt on the train part of each fold (60 steps of 20 s of audio, learning rate 0.0001); "
        "without adaptation beside it",
        "Every training starts from the weights of the round before.",
        "Adam, learning rate 0.003, batches of 64, at most 3 epochs and at least 200 updates",
        "clustering (k-means, k by the elbow in 2 to 10)",
        "planned with 3 seeds on each of its folds; seeds vary initial sets, weights, order and dropout "
        "of trainings, and the adaptation; folds and validation stay the same",
    ):
        assert words in text, words


def test_light_sernet_tells_its_length(tmp_path):
    for length, words in (({"steps": 2400}, "2400 steps"), ({"epochs": 300}, "300 epochs")):
        text = told(small_study(tmp_path, classifier={"name": "light_sernet", **length}))
        assert f"Classified by Light-SERNet ({words} of 32 clips of 3 s, learning" in text


def test_glam_tells_its_length_and_its_segments(tmp_path):
    told_of = [
        told(small_study(tmp_path, classifier={"name": "glam", **length}))
        for length in ({"steps": 2400}, {"epochs": 50})
    ]
    for words, text in zip(("2400 steps", "50 epochs"), told_of, strict=True):
        assert (
            f"Classified by GLAM ({words} of 32 segments of 1.8 s that overlap by 1.6 s, "
            "learning rate 0.001, mixup 0.5)."
        ) in text


def test_an_adaptation_that_reads_labels_says_so(tmp_path):
    pseudo = {"name": "pseudo_tapt", "steps": 50, "codebooks": [8, 16], "feature_layer": 9}
    study = small_study(tmp_path, **{**TRANSFORMER, "adaptation": pseudo}, schedule=[100])
    text = told(study)
    assert "Before any label is used" not in text
    for words in (
        "With all labels of train the backbone is adapted by pseudo_tapt on the train part of each fold (50",
        "its targets are 8 and 16 clusters, at most one for 40 frames, of the hidden frames of a network "
        "that learned the emotions from layer 9 in 10000 steps of 64 utterances",
        "one adaptation per fold is shared by all seeds",
    ):
        assert words in text, words
    answers = {item.question: item.answer for item in checklist_of(study)}
    assert "The adaptation pseudo_tapt reads all labels" in answers["What may see which labels?"]
    without = {item.question: item.answer for item in checklist_of(small_study(tmp_path, **TRANSFORMER))}
    assert "reads all labels" not in without["What may see which labels?"]


def test_baselines_tell_what_they_are(tmp_path):
    backbone = {**TRANSFORMER["backbone"], "layers": 1}
    classifiers = [{"name": "lssed", "steps": 7}, "w2v2_l_r_12"]
    text = told(small_study(tmp_path, **TRANSFORMER | {"classifier": classifiers, "backbone": backbone}))
    for words in (
        "PyConvResNet-50 of LSSED (7 steps of 32 clips, learning rate 0.0001)",
        "w2v2-L-r-12, the backbone with a masked mean over time and a head with one hidden layer (Adam, "
        "learning rate 0.0001, batches of 32, at most 5 epochs",
        "a configuration of its own with random weights, its first 1 layers",
    ):
        assert words in text, words


def test_rh_emo_tells_its_pretraining_and_the_labels_that_it_is_told(tmp_path):
    classifier = {"name": "rh_emo", "steps": 7, "reconstruction": {"epochs": 3}}
    made = small_study(tmp_path, classifier=classifier, schedule=[100])
    text = told(made)
    words = (
        "RH-emo (quaternion resnet50 on an encoder that is pretrained on the train part of each fold without "
        "labels, then by the labels of all of train, 3 epochs of 50 pieces and 500 steps of 20 pieces, "
        "once for all seeds, and frozen; 7 steps of 20 pieces of 4 s, learning rate 1e-05)"
    )
    assert words in text, text
    answers = {item.question: item.answer for item in checklist_of(made)}
    assert "pretraining of rh_emo is told all labels of train" in answers["What may see which labels?"]
    repeated, weights = "How often was it repeated, and what varies?", "Which weights does it start from?"
    assert answers[repeated].endswith("one pretraining of rh_emo per fold is shared by all seeds.")
    assert "dropout of trainings; folds and" in answers[repeated], "the pretraining does not vary"
    own = "The encoder of rh_emo is pretrained on the train part of each fold."
    assert answers[weights] == f"No externally pretrained weights are used. {own}"
    classifier |= {"supervised": False, "repeat": "per_seed"}
    made = small_study(tmp_path, classifier=classifier)
    assert "of each fold without labels, 3 epochs of 50 pieces, anew for every seed, and frozen" in told(made)
    answers = {item.question: item.answer for item in checklist_of(made)}
    assert "pretraining" not in answers["What may see which labels?"]
    assert "dropout of trainings, and the pretraining of rh_emo; folds and" in answers[repeated]
    assert "shared by all seeds" not in answers[repeated]
    beside = {**TRANSFORMER, "classifier": [classifier, "pooled_transformer"]}
    made = small_study(tmp_path, **beside)
    answers = {item.question: item.answer for item in checklist_of(made)}
    assert answers[weights] == f"a configuration of its own with random weights. {own}"
    assert "dropout of trainings, and the adaptation and the pretraining of rh_emo; fo" in answers[repeated]


def test_dropout_that_one_strategy_draws_from_is_told(tmp_path):
    classifier = {"name": "light_sernet", "steps": 5}
    text = told(small_study(tmp_path, classifier=classifier, strategy=["random", "batchbald"]))
    assert (
        "Dropout before the linear layer (0.3 in light_sernet) is the same for all strategies, because "
        "batchbald draws from it."
    ) in text
    assert "Dropout" not in told(small_study(tmp_path, classifier=classifier))


def test_a_single_ratio_acquires_nothing(tmp_path):
    text = told(small_study(tmp_path, schedule=[100]))
    assert "The model is trained once, on 100 % of train." in text
    assert "acquiring" not in text


def test_the_checklist_answers_from_the_study(tmp_path):
    made = small_study(tmp_path)
    answers = {item.question: item.answer for item in checklist_of(made)}
    data = answers["Which data, and was any left out?"]
    assert "synthetic: anger 30, happy 30, neutral 30, sad 30; manifest " in data
    assert made.scans[0].manifest.digest[:12] in data
    assert "nothing left out" in data
    assert answers["How were hyperparameters chosen?"].startswith("All values stand in the study file")
    assert answers["Which weights does it start from?"] == "No pretrained weights are used."
    assert answers["How can it be repeated?"].startswith("after-ray run small.yaml")
    assert all(answer.strip() for answer in answers.values())


def test_annotation_and_noise_are_told_and_that_validation_stays_clean(tmp_path):
    said = (
        "Utterances that are acquired are labelled by the corpus' own label, of which 0 % or 20 % are "
        "replaced by another class at random; validation and test keep the corpus' labels."
    )
    opened = small_study(tmp_path, "label_noise=[0, 0.2]")
    assert said in told(opened)
    assert said in " ".join(item.answer for item in checklist_of(opened))
    assert "replaced by another class" not in told(small_study(tmp_path))


def test_of_a_study_that_people_label_it_is_told_that_nothing_is_the_corpus_own(tmp_path):
    for by, said in (("majority", "what most of them said"), ("soft", "the shares of their answers")):
        opened = small_study(tmp_path)
        people = AnnotationSettings(name="people", labelling="abc", by=by)
        study = opened.study.model_copy(update={"annotation": (people,)})
        assert annotation_in_words(study) == (
            f"Utterances of all parts are labelled by people who listened: {said}; what none of them could "
            "tell is in no part."
        )
