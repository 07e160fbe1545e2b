import dataclasses

from apps_samples import picture

from ppgan_mpr import Predictor
from ppgan_mpr.apps.remarks import weakness_warning
from ppgan_mpr.weights import find_record


def test_weights_that_hardly_help_are_named_once_with_better_ones(caplog):
    predictor = Predictor(None, task="Deblurring", model="lite")
    predictor.run([picture(), picture()])
    (warning,) = (text for text in caplog.messages if "hardly" in text)
    assert warning.startswith("The weights lite:Deblurring hardly reduce real motion blur")
    assert "use model='published', which is downloaded once" in warning
    assert predictor.stronger == find_record("published", "Deblurring")


def test_weights_that_help_are_not_remarked_on(caplog):
    assert Predictor(None, task="Denoising", model="lite").stronger is None
    assert "hardly" not in caplog.text


def test_advice_names_the_network_where_the_model_alone_means_another():
    weak = dataclasses.replace(find_record("lite", "Denoising"), weakness="do not help")
    nafnet = find_record("published", "Denoising", network="NAFNet")
    qualified = dataclasses.replace(nafnet, qualified=True)
    assert "model='published' network='NAFNet', which" in weakness_warning(weak, qualified)
    assert weakness_warning(weak, None) == "The weights lite:Denoising do not help."
