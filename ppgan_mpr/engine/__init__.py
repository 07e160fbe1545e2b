"""Training and scoring on top of PaddleGAN's Trainer.

:mod:`ppgan_mpr.engine.trainer` joins the other modules, which have one concern each: the update
step, the moving average, the learning rate, the data order, checkpoints, evaluation.
"""
