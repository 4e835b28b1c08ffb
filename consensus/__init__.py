"""Judgments in, posteriors out: which answer is right, how sure that is, and how good each annotator is."""

from consensus.agreement import Agreement, krippendorff_alpha
from consensus.audit import AuditedError, AuditPlan, audited_error, plan_audit, recalibrated, strata_of
from consensus.dawid_skene import Prior
from consensus.errors import ConsensusError
from consensus.fit import METHODS, MOST_CLASSES, VERSION, Result, fit, item_posterior
from consensus.flags import Finding, WeightedDown, findings, fit_weighted_down, flags, weighted_down
from consensus.judgments import Judgments
from consensus.kappa import Kappa, cohen_kappa, fleiss_kappa
from consensus.label_error import LabelError, estimated_label_error, label_error_of
from consensus.quality import AnnotatorQuality
from consensus.skill import Skill, skill
from consensus.stopping import StoppingRule, states

__all__ = [
    "METHODS",
    "MOST_CLASSES",
    "VERSION",
    "Agreement",
    "AnnotatorQuality",
    "AuditPlan",
    "AuditedError",
    "ConsensusError",
    "Finding",
    "Judgments",
    "Kappa",
    "LabelError",
    "Prior",
    "Result",
    "Skill",
    "StoppingRule",
    "WeightedDown",
    "audited_error",
    "cohen_kappa",
    "estimated_label_error",
    "findings",
    "fit",
    "fit_weighted_down",
    "flags",
    "fleiss_kappa",
    "item_posterior",
    "krippendorff_alpha",
    "label_error_of",
    "plan_audit",
    "recalibrated",
    "skill",
    "states",
    "strata_of",
    "weighted_down",
]
