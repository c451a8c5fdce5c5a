"""Find the rows of an answer's days, and the doubtful ones, without a look at all of an account's.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BY_DAY = "ix_transactions__bank_account_id__last_day"
DOUBTFUL = "ix_transactions__bank_account_id__doubtful"


def upgrade() -> None:
    op.create_index(
        BY_DAY,
        "transactions",
        ["bank_account_id", sa.literal_column("greatest(booking_date, value_date)")],
        unique=False,
        schema="gocardless",
    )
    op.create_index(
        DOUBTFUL,
        "transactions",
        ["bank_account_id"],
        unique=False,
        schema="gocardless",
        postgresql_where=sa.text("doubt is not null"),
    )


def downgrade() -> None:
    op.drop_index(DOUBTFUL, table_name="transactions", schema="gocardless")
    op.drop_index(BY_DAY, table_name="transactions", schema="gocardless")
