"""The ways in which an exercise goes wrong: stable ids, each with a title for the class and a hint."""

from __future__ import annotations

from typing import NamedTuple


class Diagnosis(NamedTuple):
    """A mistake by name: `title` for a class report, `hint` for the student who made it.

    In a hint, {above} stands for the threshold of the rubric.
    """

    title: str
    hint: str


DIAGNOSES: dict[str, Diagnosis] = {
    # notebook
    "cell-fails": Diagnosis(
        "a cell raises an error",
        "Restart the kernel and run all cells from top to bottom; mend the first cell that fails.",
    ),
    "cell-does-not-parse": Diagnosis(
        "a cell is not valid Python",
        "Look at the named line: a bracket, quote or colon is missing or too many.",
    ),
    "gap-not-filled": Diagnosis(
        "a gap of the starter is still open",
        "Replace the None or the comment that marks the gap with your own code.",
    ),
    "missing-import": Diagnosis(
        "a module is used but never imported",
        "Import the module in the notebook itself; another notebook's imports are not there.",
    ),
    "kernel-stopped": Diagnosis(
        "the kernel stopped before the last cell",
        "Remove whatever ends the kernel, and run all cells from top to bottom.",
    ),
    # model
    "softmax-on-one-unit": Diagnosis(
        "softmax on a single unit",
        "Softmax over one unit is always 1. Use activation='sigmoid' on the one output unit.",
    ),
    "no-sigmoid": Diagnosis(
        "the output unit has no sigmoid",
        "Give the last layer activation='sigmoid', so that it answers with a probability between 0 and 1.",
    ),
    "two-unit-softmax": Diagnosis(
        "two output units where one sigmoid unit is asked for",
        "It works, but a yes/no question needs one number: Dense(1, activation='sigmoid').",
    ),
    "flatten-missing": Diagnosis(
        "nothing flattens before the last layer",
        "Put Flatten() before the Dense layers, so that the model answers once for each picture.",
    ),
    "too-many-units": Diagnosis(
        "more output units than a yes/no question needs",
        "Two classes need one output unit: Dense(1, activation='sigmoid').",
    ),
    "softmax-on-hidden-layer": Diagnosis(
        "softmax inside the network",
        "Softmax belongs on an output of several classes. Use activation='relu' on hidden layers.",
    ),
    "loss-does-not-fit-output": Diagnosis(
        "the loss does not fit the output",
        "One sigmoid unit goes with loss='binary_crossentropy'.",
    ),
    "categorical-loss": Diagnosis(
        "a categorical loss where a binary one is asked for",
        "With one sigmoid unit use loss='binary_crossentropy'.",
    ),
    "not-a-classification-loss": Diagnosis(
        "a loss made for other tasks",
        "It can train, but binary_crossentropy is made for a yes/no question and learns faster.",
    ),
    "from-logits-with-sigmoid": Diagnosis(
        "from_logits=True on an output that has a sigmoid already",
        "Either drop from_logits=True or drop the sigmoid; with both, the sigmoid is applied twice.",
    ),
    "unknown-loss": Diagnosis(
        "a loss of the student's own",
        "Use one of Keras's losses, such as binary_crossentropy, so that it can be recognised.",
    ),
    "not-colour": Diagnosis(
        "the pictures or the input are not in colour",
        "Colour pictures have three channels: input_shape=(150, 150, 3) and color_mode='rgb'.",
    ),
    "input-size-differs-from-pictures": Diagnosis(
        "the input shape differs from the size of the pictures",
        "Use the same height and width in target_size and in input_shape.",
    ),
    "input-is-not-a-picture": Diagnosis(
        "the model does not take pictures",
        "A picture has a height, a width and channels: input_shape=(150, 150, 3).",
    ),
    # data
    "points-at-one-class": Diagnosis(
        "the generator points at the folder of one class",
        "Point it at the parent folder that holds both class folders; their names become the labels.",
    ),
    "points-at-wrong-folder": Diagnosis(
        "the generator points at a folder with other sub-folders",
        "Point it at the folder whose only sub-folders are the classes.",
    ),
    "forgot-rescale": Diagnosis(
        "pixels are not rescaled",
        "Pixels run from 0 to 255; divide by 255 with ImageDataGenerator(rescale=1/255) or Rescaling(1/255).",
    ),
    "rescaled-wrong-way": Diagnosis(
        "pixels are made larger instead of smaller",
        "Pixels run from 0 to 255; rescale=1/255 brings them to 0 to 1.",
    ),
    "rescaled-twice": Diagnosis(
        "pixels are divided too often",
        "Divide by 255 once only: in the generator, in a layer, or by hand.",
    ),
    "labels-do-not-fit-output": Diagnosis(
        "the labels do not fit the output",
        "One sigmoid unit needs one label for each picture: class_mode='binary'.",
    ),
    # callback
    "no-callback": Diagnosis(
        "there is no callback",
        "Write a subclass of tf.keras.callbacks.Callback with on_epoch_end, and pass an instance to fit.",
    ),
    "callback-not-passed": Diagnosis(
        "the callback is not passed to fit",
        "Pass it: model.fit(…, callbacks=[callbacks]).",
    ),
    "callback-class-not-instance": Diagnosis(
        "the callback's class is used where an instance is needed",
        "Make an instance with brackets: callbacks=[myCallback()].",
    ),
    "threshold-lowered": Diagnosis(
        "the callback stops too early",
        "Compare with {above}, the accuracy that is asked for.",
    ),
    "threshold-raised": Diagnosis(
        "the callback stops too late",
        "Compare with {above}: training should stop as soon as accuracy passes it.",
    ),
    "threshold-as-percent": Diagnosis(
        "the threshold is written as a percentage",
        "Keras reports accuracy between 0 and 1, so compare with {above}, not with a percentage.",
    ),
    "watches-loss": Diagnosis(
        "the callback watches the loss",
        "Look at logs.get('accuracy') instead of logs.get('loss').",
    ),
    "watches-validation-accuracy": Diagnosis(
        "the callback watches validation accuracy",
        "The exercise asks for training accuracy: logs.get('accuracy').",
    ),
    "watches-other-metric": Diagnosis(
        "the callback watches something else than accuracy",
        "Look at logs.get('accuracy').",
    ),
    "metric-name-mismatch": Diagnosis(
        "the callback reads a metric name that the model does not report",
        "The name in logs.get(…) must be the one given to metrics=[…] in compile.",
    ),
    "stop-flag-on-callback": Diagnosis(
        "stop_training is set on the callback, not on the model",
        "Write self.model.stop_training = True.",
    ),
    "never-stops": Diagnosis(
        "the callback never stops training",
        "Set self.model.stop_training = True once accuracy is above {above}.",
    ),
    "stops-always": Diagnosis(
        "the callback stops training whatever the accuracy is",
        "Stop only if logs.get('accuracy') > {above}.",
    ),
    "stops-below-threshold": Diagnosis(
        "the comparison is the wrong way round",
        "Stop when accuracy is greater than {above}, not when it is smaller.",
    ),
    "stops-within-epoch": Diagnosis(
        "the callback looks after each batch",
        "After a batch the accuracy covers only part of the pictures; use on_epoch_end.",
    ),
    "looks-before-epoch": Diagnosis(
        "the callback looks when an epoch begins",
        "Use on_epoch_end: Keras gives on_epoch_begin no logs.",
    ),
    "stops-too-late": Diagnosis(
        "the callback looks when training is already over",
        "Use on_epoch_end: on_train_end comes after the last epoch.",
    ),
    "needs-more-than-accuracy": Diagnosis(
        "the callback asks for more than accuracy",
        "Stop as soon as accuracy passes {above}, whatever the other metrics are.",
    ),
    "callback-changes-logs": Diagnosis(
        "the callback changes the logs it is given",
        "Only read from logs; what you write there changes the reported history.",
    ),
    "callback-unsteady": Diagnosis(
        "the callback answers the same accuracy in different ways",
        "Let only the accuracy of this epoch decide, not the number of the epoch or a counter.",
    ),
    "callback-raises": Diagnosis(
        "the callback raises an error",
        "Mend the error in on_epoch_end; training ends with an error when it is called.",
    ),
    "early-stopping-instead": Diagnosis(
        "EarlyStopping in place of a callback with a threshold",
        "EarlyStopping waits until a metric no longer improves; write a callback that compares with {above}.",
    ),
    "training-went-on": Diagnosis(
        "training went on although accuracy was reached",
        "The callback should have ended training in that epoch; check that it sets self.model.stop_training.",
    ),
    # training
    "accuracy-not-reached": Diagnosis(
        "training accuracy stayed too low",
        "Check rescaling, labels, output and loss first; then train for more epochs or with more pictures.",
    ),
    "stopped-before-accuracy": Diagnosis(
        "training was stopped before accuracy was high enough",
        "Mend when the callback stops; see the criterion about it.",
    ),
    "training-failed": Diagnosis(
        "training ended with an error",
        "Mend the cell that trains; its error says what does not fit.",
    ),
    "no-accuracy-metric": Diagnosis(
        "accuracy is not measured",
        "Compile with metrics=['accuracy'].",
    ),
    "trained-on-other-pictures": Diagnosis(
        "the model was not trained on both classes",
        "Accuracy counts only on the pictures of the exercise; see the criterion about images.",
    ),
}
