"""Mail to the administrators about what needs them: once for each change of it."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.models import JobRun, JobRunState, Role, User
from erp.options import options
from erp.registry import Alarm, current_registry, job_name
from erp.text import joined, plural, say
from erp.third_parties import ModuleFailed
from erp.watch.troubles import NO_WORKER, Trouble, troubles


def report_troubles(session: Session) -> str:
    """Mail the administrators what needs them, once for each change of it."""
    found = [trouble.text for trouble in troubles(session) if _is_news(trouble)]
    text = joined(found, "\n") if found else say("Nothing needs an administrator.")
    senders = current_registry().live(current_registry().alarms)
    if text == _last_report(session) or not found or not options.erp.alarm_mails or not senders:
        return text
    recipients = administrators(session)
    session.rollback()  # no transaction stays open while a mail server answers
    alarm = Alarm(f"{options.erp.company_name}: {plural(len(found), 'thing needs', 'things need')} you", text)
    for send in senders:
        with suppress(ModuleFailed), current_registry().blaming(send, "alarm"):  # it is noted, and the others are sent
            send(recipients, alarm)
    return text


def _is_news(trouble: Trouble) -> bool:
    """Say whether a trouble is another than that of this job itself, which the worker runs or somebody by hand."""
    return trouble.kind != NO_WORKER and not trouble.text.startswith(f"Job {job_name(report_troubles)} ")


def _last_report(session: Session) -> str | None:
    mine = (JobRun.job == job_name(report_troubles), JobRun.state == JobRunState.done)
    return session.scalar(select(JobRun.summary).where(*mine).order_by(JobRun.id.desc()).limit(1))


def administrators(session: Session) -> list[str]:
    """Return the addresses of the active administrators, in order."""
    active = (User.is_active, User.email != "", User.roles.any(Role.is_administrator))
    return list(session.scalars(select(User.email).where(*active).order_by(User.email).distinct()))
