"""Training and scoring on top of PaddleGAN's Trainer.

One concern a file: the step, the moving average, the schedule, the data order, the
checkpoint, the evaluation. :mod:`ppgan_mpr.engine.trainer` joins them.
"""
