"""Which class stands behind a name; a class is loaded when its name is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from serendip.errors import UserError, nearest

ALGORITHMS: Mapping[str, str] = {
    "popular": "serendip.models.popular:Popular",
    "trending": "serendip.models.trending:Trending",
    "latest": "serendip.models.latest:Latest",
    "demographic": "serendip.models.demographic:Demographic",
    "userattributeknn": "serendip.models.userattributeknn:UserAttributeKNN",
    "itemknn": "serendip.models.itemknn:ItemKNN",
    "userknn": "serendip.models.userknn:UserKNN",
    "content": "serendip.models.content:Content",
    "p3alpha": "serendip.models.rp3beta:P3alpha",
    "rp3beta": "serendip.models.rp3beta:RP3beta",
    "ease": "serendip.models.ease:EASE",
    "sansa": "serendip.models.sansa:SANSA",
    "slim": "serendip.models.slim:SLIM",
    "gfcf": "serendip.models.gfcf:GFCF",
    "bspm": "serendip.models.bspm:BSPM",
    "markov": "serendip.models.markov:Markov",
    "vsknn": "serendip.models.vsknn:VSKNN",
    "stan": "serendip.models.stan:STAN",
    "als": "serendip.models.als:ALS",
    "logisticmf": "serendip.models.logisticmf:LogisticMF",
    "bpr": "serendip.models.bpr:BPR",
    "warp": "serendip.models.warp:WARP",
    "puresvd": "serendip.models.puresvd:PureSVD",
    "nmf": "serendip.models.nmf:NMF",
    "baseline": "serendip.models.baselineonly:BaselineOnly",
    "normal": "serendip.models.normal:Normal",
    "coclustering": "serendip.models.coclustering:CoClustering",
    "knnbaseline": "serendip.models.knnbaseline:KNNBaseline",
    "slopeone": "serendip.models.slopeone:SlopeOne",
    "svd": "serendip.models.svd:SVD",
    "asvd": "serendip.models.asvd:ASVD",
    "svdpp": "serendip.models.svdpp:SVDpp",
    "logistic": "serendip.models.logistic:Logistic",
    "featuremf": "serendip.models.featuremf:FeatureMF",
    "fm": "serendip.models.fm:FM",
    "ffm": "serendip.models.ffm:FFM",
    "weighted": "serendip.models.weighted:Weighted",
    "fwls": "serendip.models.fwls:FWLS",
    "switching": "serendip.models.switching:Switching",
    "cascade": "serendip.models.cascade:Cascade",
    "augmented": "serendip.models.augmented:Augmented",
    "gbt": "serendip.models.gbt:GBT",
    "prefilter": "serendip.models.prefilter:Prefilter",
    "stacked": "serendip.models.stacked:Stacked",
}

SHAPES: Mapping[str, str] = {
    "ItemScores": "serendip.models.itemscores:ItemScores",
    "ItemWeights": "serendip.models.itemweights:ItemWeights",
    "Transitions": "serendip.models.transitions:Transitions",
    "GraphFilter": "serendip.models.graphfilter:GraphFilter",
    "SessionNeighbours": "serendip.models.sessionneighbours:SessionNeighbours",
    "Factors": "serendip.models.factors:Factors",
    "FactoredWeights": "serendip.models.factoredweights:FactoredWeights",
    "Reconstruction": "serendip.models.reconstruction:Reconstruction",
    "NonnegativeRatings": "serendip.models.nonnegativeratings:NonnegativeRatings",
    "CentredRatings": "serendip.models.centredratings:CentredRatings",
    "CentredItems": "serendip.models.centreditems:CentredItems",
    "CentredUsers": "serendip.models.centredusers:CentredUsers",
    "NormalRatings": "serendip.models.normal:NormalRatings",
    "CoClusters": "serendip.models.coclusters:CoClusters",
    "Deviations": "serendip.models.deviations:Deviations",
    "UserNeighbours": "serendip.models.userneighbours:UserNeighbours",
    "Segments": "serendip.models.segments:Segments",
    "AttributeNeighbours": "serendip.models.attributeneighbours:AttributeNeighbours",
    "ItemRatings": "serendip.models.itemratings:ItemRatings",
    "FactorRatings": "serendip.models.factorratings:FactorRatings",
    "HistoryFactors": "serendip.models.historyfactors:HistoryFactors",
    "AsymmetricFactors": "serendip.models.asymmetricfactors:AsymmetricFactors",
    "UserRatings": "serendip.models.userratings:UserRatings",
    "ItemFeatures": "serendip.models.itemfeatures:ItemFeatures",
    "FeatureFactors": "serendip.models.featurefactors:FeatureFactors",
    "FeatureModel": "serendip.models.featuremodel:FeatureModel",
    "FeatureRatings": "serendip.models.featuremodel:FeatureRatings",
    "StackedRatings": "serendip.models.stackedratings:StackedRatings",
    "Blend": "serendip.models.blend:Blend",
    "Cascaded": "serendip.models.cascaded:Cascaded",
    "CategoryTrees": "serendip.models.categorytrees:CategoryTrees",
    "ByContext": "serendip.models.bycontext:ByContext",
    "RankedCandidates": "serendip.models.rankedcandidates:RankedCandidates",
    "KerasPairs": "serendip.adapters.keras:KerasPairs",
    "KerasRatings": "serendip.adapters.keras:KerasRatings",
    "Classes": "serendip.models.classes:Classes",
    "Served": "serendip.models.served:Served",
    "Indexed": "serendip.models.indexed:Indexed",
}

RERANKERS: Mapping[str, str] = {
    "mmr": "serendip.rerank.mmr:MMR",
    "dpp": "serendip.rerank.dpp:DPP",
    "calibration": "serendip.rerank.calibration:Calibration",
    "explore": "serendip.rerank.exploration:Exploration",
}


def load(name: str, table: Mapping[str, str], what: str) -> Any:
    """Return the class of a name.

    Raises:
        UserError: the name is not in the table; the sentence names the nearest.
    """
    if name not in table:
        raise UserError(f"there is no {what} {name!r}{nearest(name, table)}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)
