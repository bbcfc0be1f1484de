"""Installing, upgrading and uninstalling modules: each has one linear history of revisions.

Everything here opens its own transaction, in which tables and rows change together; none may be open before. A step
that fails leaves the database as it was, and the module in a state that says so, with its error.
"""

from erp.manifest import ADMINISTRATOR, SHIPPED_ROLES
from erp.migrations.keys import EqualKeys, existing_keys, write_keys
from erp.migrations.lifecycle import (
    enable,
    install,
    install_core,
    uninstall,
    upgrade,
    upgrade_all,
    what_uninstall_destroys,
)
from erp.migrations.mending import mend
from erp.migrations.plans import plan_disable, plan_enable, plan_install, plan_uninstall, plan_upgrade
from erp.migrations.revisions import (
    is_initialized,
    is_known,
    move,
    moving,
    pending,
    require_core,
    require_current,
    require_readable,
    revision,
    unmoved,
    version_table,
)
from erp.migrations.schema import schema_breaches
from erp.migrations.tuning import tune

__all__ = [
    "ADMINISTRATOR",
    "SHIPPED_ROLES",
    "EqualKeys",
    "enable",
    "existing_keys",
    "install",
    "install_core",
    "is_initialized",
    "is_known",
    "mend",
    "move",
    "moving",
    "pending",
    "plan_disable",
    "plan_enable",
    "plan_install",
    "plan_uninstall",
    "plan_upgrade",
    "require_core",
    "require_current",
    "require_readable",
    "revision",
    "schema_breaches",
    "tune",
    "uninstall",
    "unmoved",
    "upgrade",
    "upgrade_all",
    "version_table",
    "what_uninstall_destroys",
    "write_keys",
]
