"""Works that happen at once, each in a transaction of its own."""

from __future__ import annotations

import threading

from erp.db import commit, db


def together(app, *works):
    """Do each work in a transaction of its own, all at once; return what each returned or raised."""
    results, start = [None] * len(works), threading.Barrier(len(works))

    def run(index, work):
        with app.app_context():
            start.wait()
            try:
                results[index] = commit(work)
            except Exception as error:
                results[index] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
