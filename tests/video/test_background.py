import threading

import pytest

from ppgan_mpr.video.background import Consumer, Prefetch


def test_items_come_in_order_and_few_are_made_ahead():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    with Prefetch(items()) as taken:
        for number, item in enumerate(taken):
            assert item == number
            assert len(made) <= number + 5


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"), Prefetch(items()) as taken:
        for item in taken:
            seen.append(item)
    assert seen == [1]


def test_an_error_while_closing_the_source_reaches_the_reader():
    class Items:
        def __iter__(self):
            return iter([1, 2])

        def close(self):
            raise OSError("cannot be closed")

    seen, errors = [], []

    def read():
        try:
            with Prefetch(Items()) as taken:
                seen.extend(taken)
        except OSError as error:
            errors.append(str(error))

    reader = threading.Thread(target=read, daemon=True)  # it must not wait forever
    reader.start()
    reader.join(10)
    assert not reader.is_alive()
    assert (seen, errors) == ([1, 2], ["cannot be closed"])


def test_leaving_early_ends_the_thread_and_closes_the_source():
    closed = threading.Event()

    def items():
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = threading.active_count()
    with Prefetch(items()) as taken:
        next(taken)
    assert closed.is_set()
    assert threading.active_count() == before


def test_a_consumer_takes_everything_in_order():
    seen = []
    with Consumer(seen.append) as consumer:
        for number in range(20):
            consumer.put(number)
    assert seen == [*range(20)]


def test_an_error_of_the_consumer_ends_the_work():
    def take(item):
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Consumer(take) as consumer:
        for number in range(1000):
            consumer.put(number)


def test_waiting_items_are_dropped_after_an_error():
    seen, go = [], threading.Event()

    def take(item):
        go.wait(10)
        seen.append(item)

    with pytest.raises(KeyError), Consumer(take) as consumer:
        consumer.put(1)
        consumer.put(2)
        consumer.put(3)
        threading.Timer(0.05, go.set).start()
        raise KeyError
    assert seen == [1]
