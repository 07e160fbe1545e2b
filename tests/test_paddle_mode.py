import threading

from ppgan_mpr.paddle_mode import changing_mode, dynamic_mode


def run(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_no_other_thread_runs_layers_or_changes_the_mode_while_one_changes_it():
    inside, seen = [], []

    def change():
        for _ in range(50):
            with changing_mode(), changing_mode():
                inside.append("change")
                seen.append(tuple(inside))
                inside.remove("change")

    def compute():
        for _ in range(50):
            with dynamic_mode():
                inside.append("compute")
                seen.append(tuple(inside))
                inside.remove("compute")

    run(change, change, compute, compute)
    assert not [kinds for kinds in seen if "change" in kinds and len(kinds) > 1]


def test_layers_run_concurrently():
    barrier = threading.Barrier(2, timeout=30)

    def compute():
        with dynamic_mode():
            barrier.wait()

    run(compute, compute)


def test_thread_that_changes_the_mode_may_run_layers():
    with changing_mode(), dynamic_mode():
        pass
